// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) createNetworkInterface(ctx context.Context, c *api.Call, in *wire.CreateNetworkInterfaceInput) (*wire.CreateNetworkInterfaceOutput, error) {
	if err := api.Only(in, "SubnetId", "ClientToken", "Description", "Groups", "InterfaceType", "PrivateIpAddress", "PrivateIpAddresses",
		"SecondaryPrivateIpAddressCount", "TagSpecifications"); err != nil {
		return nil, err
	}
	spec, err := s.interfaceSpec(c, in)
	if err != nil {
		return nil, err
	}
	token, err := clientToken(in.ClientToken)
	if err != nil {
		return nil, err
	}
	out := &wire.CreateNetworkInterfaceOutput{ClientToken: in.ClientToken}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		id, err := tx.Once(token, c.Scope(), in, func() (string, error) { return s.putInterface(tx, c, in.SubnetId, spec) })
		if err != nil {
			return err
		}
		e, err := findInterface(&tx.View, c, id) // gone, if it is the token's of long ago
		if err != nil {
			return err
		}
		out.NetworkInterface = new(wireInterface(c, &tx.View, e))
		return nil
	})
}

func (s *Server) interfaceSpec(c *api.Call, in *wire.CreateNetworkInterfaceInput) (spec vpc.InterfaceSpec, err error) {
	spec = vpc.InterfaceSpec{Owner: vpc.Meta{Account: c.Account, Region: c.Region}, Description: value(in.Description)}
	if t := in.InterfaceType; t != "" && t != "interface" {
		return spec, awserr.New("UnsupportedOperation", "The network interface type %s is not supported.", t)
	}
	if spec.Owner.Tags, err = s.tagsFor("network-interface", in.TagSpecifications); err != nil {
		return spec, err
	}
	if spec.Groups, err = ids[vpc.SecurityGroupID](vpc.SecurityGroupIDs, in.Groups); err != nil {
		return spec, err
	}
	spec.Primary, spec.Secondary, spec.More, err = wantedAddresses(in.PrivateIpAddress, in.PrivateIpAddresses, in.SecondaryPrivateIpAddressCount)
	return spec, err
}

// wantedAddresses are the primary address of a new interface, if one was chosen, the
// others that were, and how many more it shall have.
func wantedAddresses(one *string, list []wire.PrivateIpAddressSpecification, count *int32) (primary string, secondary []string, more int, err error) {
	if count != nil && len(list) > 1 {
		return "", nil, 0, awserr.New("InvalidParameterCombination", "The parameter secondaryPrivateIpAddressCount cannot be used with more than one of privateIpAddresses.")
	}
	primary = value(one)
	for _, a := range list {
		text, err := required("PrivateIpAddresses.PrivateIpAddress", a.PrivateIpAddress)
		switch {
		case err != nil:
			return "", nil, 0, err
		case !value(a.Primary):
			secondary = append(secondary, text)
		case primary != "":
			return "", nil, 0, awserr.New("InvalidParameterCombination", "Only one primary private IP address can be specified.")
		default:
			primary = text
		}
	}
	return primary, secondary, int(value(count)), nil
}

// putInterface decides on a new interface and writes it.
func (s *Server) putInterface(tx *store.Tx, c *api.Call, subnet *string, spec vpc.InterfaceSpec) (id string, err error) {
	if spec.Subnet, err = need(tx.View.Subnets, c, vpc.SubnetIDs, "SubnetId", subnet); err != nil {
		return "", err
	}
	e, err := vpc.NewInterface(fresh(tx), s.limits, interfaceFacts(tx, c, spec.Subnet), spec)
	if err != nil {
		return "", err
	}
	tx.ENIs.Put(e)
	return string(e.ID), nil
}

// interfaceFacts is what the model says around an interface in a subnet.
func interfaceFacts(tx *store.Tx, c *api.Call, n vpc.Subnet) vpc.InterfaceFacts {
	v, _ := tx.VPCs.Get(string(n.VPC))
	return vpc.InterfaceFacts{
		VPC: v, Group: groupFinder(&tx.View, c), Used: addressesIn(&tx.View, n.ID), Hint: hint(c.RequestID),
	}
}

func groupFinder(v *store.View, c *api.Call) func(vpc.SecurityGroupID) (vpc.SecurityGroup, error) {
	return func(id vpc.SecurityGroupID) (vpc.SecurityGroup, error) {
		return find(v.SecurityGroups, c, vpc.SecurityGroupIDs, string(id))
	}
}

func (s *Server) deleteNetworkInterface(ctx context.Context, c *api.Call, in *wire.DeleteNetworkInterfaceInput) (*wire.DeleteNetworkInterfaceOutput, error) {
	return new(wire.DeleteNetworkInterfaceOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := needInterface(&tx.View, c, in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if e, err = e.Delete(); err != nil {
			return err
		}
		tx.ENIs.Put(e)
		return nil
	})
}
