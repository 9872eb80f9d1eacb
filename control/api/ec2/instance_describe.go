// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

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
	f := filters[vpc.Instance]{
		"architecture":           is("x86_64"),
		"availability-zone":      func(i vpc.Instance) []string { return []string{i.Zone} },
		"availability-zone-id":   func(i vpc.Instance) []string { return []string{zoneID(c.Region, i.Zone)} },
		"client-token":           func(i vpc.Instance) []string { return []string{i.ClientToken} },
		"group-id":               of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"group-name":             of(names),
		"hypervisor":             is("xen"),
		"image-id":               func(i vpc.Instance) []string { return []string{i.Image} },
		"instance-id":            one(func(i vpc.Instance) vpc.InstanceID { return i.ID }),
		"instance-state-code":    func(i vpc.Instance) []string { return []string{strconv.Itoa(int(i.State().Code))} },
		"instance-state-name":    func(i vpc.Instance) []string { return []string{i.State().Name} },
		"instance-type":          func(i vpc.Instance) []string { return []string{i.Type} },
		"instance.group-id":      of(func(e vpc.ENI) []string { return texts(e.Groups) }),
		"instance.group-name":    of(names),
		"key-name":               func(i vpc.Instance) []string { return []string{i.KeyName} },
		"launch-index":           func(i vpc.Instance) []string { return []string{strconv.Itoa(i.LaunchIndex)} },
		"owner-id":               func(i vpc.Instance) []string { return []string{i.Account} },
		"private-dns-name":       of(func(e vpc.ENI) []string { return []string{vpc.PrivateDNSName(c.Region, e.Addresses[0])} }),
		"private-ip-address":     of(addressTexts),
		"reservation-id":         one(func(i vpc.Instance) vpc.ReservationID { return i.Reservation }),
		"root-device-type":       is("ebs"),
		"subnet-id":              one(func(i vpc.Instance) vpc.SubnetID { return i.Subnet }),
		"tenancy":                is("default"),
		"virtualization-type":    is("hvm"),
		"vpc-id":                 one(func(i vpc.Instance) vpc.VPCID { return i.VPC }),
		"instance-lifecycle":     func(vpc.Instance) []string { return nil },
		"ip-address":             func(vpc.Instance) []string { return nil },
		"dns-name":               func(vpc.Instance) []string { return nil },
		"platform":               func(vpc.Instance) []string { return nil },
		"monitoring-state":       is("disabled"),
		"source-dest-check":      of(func(e vpc.ENI) []string { return []string{strconv.FormatBool(!e.NoSourceCheck)} }),
		"reason":                 func(i vpc.Instance) []string { return []string{i.Status.Reason} },
		"placement-group-name":   func(vpc.Instance) []string { return nil },
		"metadata-options.state": is("applied"),
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
	v := s.store.View()
	rows, err := list(v.Instances, c, vpc.InstanceIDs, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	forgotten := func(i vpc.Instance) bool { return i.Forgotten(s.now()) }
	if i := slices.IndexFunc(rows, forgotten); i >= 0 && len(in.InstanceIds) > 0 {
		return nil, vpc.InstanceIDs.NotFound(string(rows[i].ID))
	}
	rows = slices.DeleteFunc(rows, forgotten)
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
