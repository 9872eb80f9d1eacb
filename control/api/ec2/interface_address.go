// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) assignPrivateIPAddresses(ctx context.Context, c *api.Call, in *wire.AssignPrivateIpAddressesInput) (*wire.AssignPrivateIpAddressesOutput, error) {
	if err := api.Only(in, "NetworkInterfaceId", "PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "AllowReassignment"); err != nil {
		return nil, err
	}
	switch given := in.SecondaryPrivateIpAddressCount != nil; {
	case given && len(in.PrivateIpAddresses) > 0:
		return nil, awserr.New("InvalidParameterCombination", "The parameter privateIpAddresses cannot be used with the parameter secondaryPrivateIpAddressCount")
	case !given && len(in.PrivateIpAddresses) == 0:
		return nil, awserr.New("MissingParameter", "Either the parameter privateIpAddresses or secondaryPrivateIpAddressCount must be given")
	}
	out := &wire.AssignPrivateIpAddressesOutput{NetworkInterfaceId: in.NetworkInterfaceId, AssignedPrivateIpAddresses: []wire.AssignedPrivateIpAddress{}}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := needInterface(&tx.View, c, in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		n, _ := tx.Subnets.Get(string(e.Subnet))
		facts := interfaceFacts(tx, c, n)
		if value(in.AllowReassignment) {
			if err := takeAddresses(tx, facts.Used, e, in.PrivateIpAddresses); err != nil {
				return err
			}
		}
		e, added, err := e.Assign(facts, n, in.PrivateIpAddresses, int(value(in.SecondaryPrivateIpAddressCount)))
		if err != nil {
			return err
		}
		tx.ENIs.Put(e)
		for _, a := range added {
			out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, wire.AssignedPrivateIpAddress{PrivateIpAddress: new(a.String())})
		}
		return nil
	})
}

// takeAddresses takes addresses that are to be e's from the other interfaces of
// its subnet, and from used.
func takeAddresses(tx *store.Tx, used map[netip.Addr]bool, e vpc.ENI, addresses []string) error {
	for other := range tx.ENIs.By("subnet", string(e.Subnet)) {
		for _, a := range other.Addresses {
			if other.ID == e.ID || other.Withdrawn || !slices.Contains(addresses, a.String()) {
				continue
			}
			var err error
			if other, err = other.Unassign([]string{a.String()}); err != nil {
				return err
			}
			tx.ENIs.Put(other)
			delete(used, a)
		}
	}
	return nil
}

func (s *Server) unassignPrivateIPAddresses(ctx context.Context, c *api.Call, in *wire.UnassignPrivateIpAddressesInput) (*wire.UnassignPrivateIpAddressesOutput, error) {
	if err := api.Only(in, "NetworkInterfaceId", "PrivateIpAddresses"); err != nil {
		return nil, err
	}
	if len(in.PrivateIpAddresses) == 0 {
		return nil, awserr.New("MissingParameter", "The request must contain the parameter privateIpAddresses")
	}
	return new(wire.UnassignPrivateIpAddressesOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := needInterface(&tx.View, c, in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if e, err = e.Unassign(in.PrivateIpAddresses); err != nil {
			return err
		}
		tx.ENIs.Put(e)
		return nil
	})
}
