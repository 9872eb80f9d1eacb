// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// EnsureDefaultVPC makes the account's default VPC in the region, with what
// belongs to it, unless there is one.
func (s *Server) EnsureDefaultVPC(tx *store.Tx, account, regionName string) error {
	r, ok := region.Of(regionName)
	if !ok {
		return fmt.Errorf("region %s is not known", regionName)
	}
	c := &api.Call{Caller: api.Caller{Account: account}, Region: regionName}
	if _, ok := defaultVPC(&tx.View, c); ok {
		return nil
	}
	d, err := vpc.NewDefault(fresh(tx), s.limits, vpc.Meta{Account: account, Region: regionName}, r.ZoneNames())
	if err != nil {
		return err
	}
	tx.VPCs.Put(d.VPC)
	tx.RouteTables.Put(d.Table)
	tx.SecurityGroups.Put(d.Group)
	for _, n := range d.Subnets {
		tx.Subnets.Put(n)
	}
	return nil
}
