// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func instanceFilters(c *api.Call, v *store.View) filters[vpc.Instance] {
	of := func(f func(vpc.ENI) []string) func(vpc.Instance) []string {
		return func(i vpc.Instance) (values []string) {
			for _, e := range interfacesOf(v, i) {
				values = append(values, f(e)...)
			}
			return values
		}
	}
	is := func(s string) func(vpc.Instance) []string { return func(vpc.Instance) []string { return []string{s} } }
	names := func(e vpc.ENI) []string {
		return wireGroupNames(v, e.Groups, func(_, name *string) string { return *name })
	}
	none := func(vpc.Instance) []string { return nil }
	f := filters[vpc.Instance]{
		"architecture":         is("x86_64"),
		"availability-zone":    func(i vpc.Instance) []string { return []string{i.Zone} },
		"availability-zone-id": func(i vpc.Instance) []string { return []string{zoneID(c.Region, i.Zone)} },
		"client-token":         func(i vpc.Instance) []string { return []string{i.ClientToken} },
		"dns-name":             none,
		"group-id":             of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"group-name":           of(names),
		"hypervisor":           is("xen"),
		"image-id":             func(i vpc.Instance) []string { return []string{i.Image} },
		"instance-id":          one(func(i vpc.Instance) vpc.InstanceID { return i.ID }),
		"instance-lifecycle":   none,
		"instance-state-code":  func(i vpc.Instance) []string { return []string{strconv.Itoa(int(i.State().Code))} },
		"instance-state-name":  func(i vpc.Instance) []string { return []string{i.State().Name} },
		"instance-type":        func(i vpc.Instance) []string { return []string{i.Type} },
		"instance.group-id":    of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"instance.group-name":  of(names),
		"ip-address":           none,
		"key-name":             func(i vpc.Instance) []string { return []string{i.KeyName} },
		"launch-index":         func(i vpc.Instance) []string { return []string{strconv.Itoa(i.LaunchIndex)} },
		"launch-time":          func(i vpc.Instance) []string { return []string{filterTime(i.Created)} },
		"monitoring-state":     is("disabled"),
		"owner-id":             func(i vpc.Instance) []string { return []string{i.Account} },
		"placement-group-name": none,
		"platform":             none,
		"private-dns-name":     of(func(e vpc.ENI) []string { return []string{vpc.PrivateDNSName(c.Region, e.Addresses[0])} }),
		"private-ip-address":   of(addressTexts),
		"reason":               func(i vpc.Instance) []string { return []string{transitionReason(i)} },
		"reservation-id":       one(func(i vpc.Instance) vpc.ReservationID { return i.Reservation }),
		"root-device-name":     is(rootDevice),
		"root-device-type":     is("ebs"),
		"source-dest-check":    of(func(e vpc.ENI) []string { return []string{strconv.FormatBool(!e.NoSourceCheck)} }),
		"state-reason-code":    func(i vpc.Instance) []string { return []string{value(value(stateReason(i)).Code)} },
		"state-reason-message": func(i vpc.Instance) []string { return []string{value(value(stateReason(i)).Message)} },
		"subnet-id":            of(func(e vpc.ENI) []string { return []string{string(e.Subnet)} }),
		"tenancy":              is("default"),
		"virtualization-type":  is("hvm"),
		"vpc-id":               of(func(e vpc.ENI) []string { return []string{string(e.VPC)} }),
	}
	for name, values := range interfaceFilters(c, v) {
		f["network-interface."+name] = of(values)
	}
	return f
}

// interfacesOf are the interfaces that an instance still has, by device number.
func interfacesOf(v *store.View, i vpc.Instance) (enis []vpc.ENI) {
	for _, id := range i.ENIs {
		if e, ok := v.ENIs.Get(string(id)); ok && !e.Withdrawn {
			enis = append(enis, e)
		}
	}
	return enis
}

func (s *Server) describeInstances(_ context.Context, c *api.Call, in *wire.DescribeInstancesInput) (*wire.DescribeInstancesOutput, error) {
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, awserr.New("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	v, now := s.store.View(), s.now()
	rows, err := instancesByID(v.Instances, c, now, in.InstanceIds)
	if len(in.InstanceIds) == 0 {
		rows = slices.Collect(v.Instances.By("account", c.Owner()))
		rows = slices.DeleteFunc(rows, func(i vpc.Instance) bool { return i.Forgotten(now) })
	}
	if err != nil {
		return nil, err
	}
	sel := selection{IDs: in.InstanceIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(i vpc.Instance) string { return string(i.ID) }, instanceFilters(c, v), tagsOf)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstancesOutput{Reservations: []wire.Reservation{}, NextToken: next}
	var order []vpc.ReservationID
	by := map[vpc.ReservationID][]vpc.Instance{}
	for _, i := range rows {
		if by[i.Reservation] == nil {
			order = append(order, i.Reservation)
		}
		by[i.Reservation] = append(by[i.Reservation], i)
	}
	for _, r := range order {
		out.Reservations = append(out.Reservations, wireReservation(c, v, r, by[r]))
	}
	return out, nil
}
