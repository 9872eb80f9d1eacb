// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// interfacesOf are the interfaces that an instance still has, by device number.
func interfacesOf(v *store.View, i vpc.Instance) (enis []vpc.ENI) {
	for _, id := range i.ENIs {
		if e, ok := v.ENIs.Get(string(id)); ok && !e.Withdrawn && value(e.Attachment).Instance == i.ID {
			enis = append(enis, e)
		}
	}
	return enis
}

// instances are the caller's that are still described: those with the ids, else all.
func (s *Server) instances(v *store.View, c *api.Call, ids []string) ([]vpc.Instance, error) {
	now := s.now()
	if len(ids) > 0 {
		return instancesByID(v.Instances, c, now, ids)
	}
	rows := slices.Collect(v.Instances.By("account", c.Owner()))
	return slices.DeleteFunc(rows, func(i vpc.Instance) bool { return i.Forgotten(now) }), nil
}

func (s *Server) describeInstances(_ context.Context, c *api.Call, in *wire.DescribeInstancesInput) (*wire.DescribeInstancesOutput, error) {
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, awserr.New("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	v := s.store.View()
	rows, err := s.instances(v, c, in.InstanceIds)
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
