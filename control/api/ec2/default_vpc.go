// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// ensureDefaultVPC makes the account's default VPC in the region, with what
// belongs to it, unless there is one or has been.
func (s *Server) ensureDefaultVPC(tx *store.Tx, account, regionName string) error {
	a, ok := tx.Accounts.Get(account)
	if !ok {
		return fmt.Errorf("account %s is not known", account)
	}
	if slices.Contains(a.Furnished, regionName) {
		return nil
	}
	c := &api.Call{Caller: api.Caller{Account: account}, Region: regionName}
	if _, ok := defaultVPC(&tx.View, c); !ok {
		// None that the account has made itself keeps it from having this one.
		if _, err := s.putDefaultVPC(tx, c, 0); err != nil {
			return err
		}
	}
	a.Furnished = append(slices.Clone(a.Furnished), regionName)
	tx.Accounts.Put(a)
	return nil
}

// Furnish makes the account's default VPC in the region, if it has never had one there.
func (s *Server) Furnish(ctx context.Context, account, regionName string) error {
	a, ok := s.store.View().Accounts.Get(account)
	if _, known := region.Of(regionName); !ok || !known || slices.Contains(a.Furnished, regionName) {
		return nil
	}
	return s.store.Decide(ctx, func(tx *store.Tx) error { return s.ensureDefaultVPC(tx, account, regionName) })
}

// putDefaultVPC makes a default VPC beside the others that count; that none of
// them is one is the caller's to have checked.
func (s *Server) putDefaultVPC(tx *store.Tx, c *api.Call, have int) (vpc.VPC, error) {
	r, ok := region.Of(c.Region)
	if !ok {
		return vpc.VPC{}, fmt.Errorf("region %s is not known", c.Region)
	}
	d, err := vpc.NewDefault(fresh(tx), s.limits, have, vpc.Meta{Account: c.Account, Region: c.Region}, r.ZoneNames())
	if err != nil {
		return vpc.VPC{}, err
	}
	tx.VPCs.Put(d.VPC)
	tx.Gateways.Put(d.Gateway)
	tx.RouteTables.Put(d.Table)
	tx.SecurityGroups.Put(d.Group)
	for _, n := range d.Subnets {
		tx.Subnets.Put(n)
	}
	return d.VPC, nil
}

func (s *Server) createDefaultVPC(ctx context.Context, c *api.Call, _ *wire.CreateDefaultVpcInput) (*wire.CreateDefaultVpcOutput, error) {
	out := new(wire.CreateDefaultVpcOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		if _, ok := defaultVPC(&tx.View, c); ok {
			return awserr.New("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
		}
		v, err := s.putDefaultVPC(tx, c, tx.VPCs.Count("account", c.Owner()))
		if err != nil {
			return err
		}
		out.Vpc = new(wireVPC(v))
		return nil
	})
}
