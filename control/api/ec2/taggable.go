// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// taggable is a sort of resource that can have tags.
type taggable struct {
	name  string // AWS's resource type
	kind  vpc.IDKind
	retag func(tx *store.Tx, c *api.Call, ids []string, change changeTags) error
	each  func(v *store.View, c *api.Call, f func(id string, tags map[string]string))
}

// changeTags makes of the tags that a resource has those that it is to have.
type changeTags func(map[string]string) (map[string]string, error)

var taggables = []taggable{
	rows("instance", vpc.InstanceIDs, func(v *store.View) store.Table[vpc.Instance] { return v.Instances },
		func(tx *store.Tx, i vpc.Instance, tags map[string]string) { i.Tags = tags; tx.Instances.Put(i) },
		func(i vpc.Instance) (string, bool) { return string(i.ID), true }),
	rows("internet-gateway", vpc.GatewayIDs, func(v *store.View) store.Table[vpc.InternetGateway] { return v.Gateways },
		func(tx *store.Tx, g vpc.InternetGateway, tags map[string]string) { g.Tags = tags; tx.Gateways.Put(g) },
		func(g vpc.InternetGateway) (string, bool) { return string(g.ID), true }),
	rows("network-interface", vpc.ENIIDs, func(v *store.View) store.Table[vpc.ENI] { return v.ENIs },
		func(tx *store.Tx, e vpc.ENI, tags map[string]string) { e.Tags = tags; tx.ENIs.Put(e) },
		func(e vpc.ENI) (string, bool) { return string(e.ID), !e.Withdrawn }),
	rows("route-table", vpc.RouteTableIDs, func(v *store.View) store.Table[vpc.RouteTable] { return v.RouteTables },
		func(tx *store.Tx, t vpc.RouteTable, tags map[string]string) { t.Tags = tags; tx.RouteTables.Put(t) },
		func(t vpc.RouteTable) (string, bool) { return string(t.ID), true }),
	rows("security-group", vpc.SecurityGroupIDs, func(v *store.View) store.Table[vpc.SecurityGroup] { return v.SecurityGroups },
		func(tx *store.Tx, g vpc.SecurityGroup, tags map[string]string) {
			g.Tags = tags
			tx.SecurityGroups.Put(g)
		},
		func(g vpc.SecurityGroup) (string, bool) { return string(g.ID), true }),
	{name: "security-group-rule", kind: vpc.RuleIDs, retag: retagRules, each: eachRule},
	rows("subnet", vpc.SubnetIDs, func(v *store.View) store.Table[vpc.Subnet] { return v.Subnets },
		func(tx *store.Tx, n vpc.Subnet, tags map[string]string) { n.Tags = tags; tx.Subnets.Put(n) },
		func(n vpc.Subnet) (string, bool) { return string(n.ID), true }),
	rows("vpc", vpc.VPCIDs, func(v *store.View) store.Table[vpc.VPC] { return v.VPCs },
		func(tx *store.Tx, v vpc.VPC, tags map[string]string) { v.Tags = tags; tx.VPCs.Put(v) },
		func(v vpc.VPC) (string, bool) { return string(v.ID), true }),
	rows("vpc-endpoint", vpc.EndpointIDs, func(v *store.View) store.Table[vpc.Endpoint] { return v.Endpoints },
		func(tx *store.Tx, e vpc.Endpoint, tags map[string]string) { e.Tags = tags; tx.Endpoints.Put(e) },
		func(e vpc.Endpoint) (string, bool) { return string(e.ID), e.Status.Gone.IsZero() }),
}

// rows makes the taggable of a table. shown is a row's id, and whether callers
// still see the row.
func rows[T resource](
	name string, kind vpc.IDKind, table func(*store.View) store.Table[T],
	put func(*store.Tx, T, map[string]string), shown func(T) (string, bool),
) taggable {
	return taggable{
		name: name, kind: kind,
		retag: func(tx *store.Tx, c *api.Call, ids []string, change changeTags) error {
			for _, id := range ids {
				row, err := find(table(&tx.View), c, kind, id)
				if err != nil {
					return err
				}
				if _, ok := shown(row); !ok {
					return kind.NotFound(id)
				}
				tags, err := change(row.Base().Tags)
				if err != nil {
					return err
				}
				put(tx, row, tags)
			}
			return nil
		},
		each: func(v *store.View, c *api.Call, f func(string, map[string]string)) {
			for row := range table(v).By("account", c.Owner()) {
				if id, ok := shown(row); ok {
					f(id, row.Base().Tags)
				}
			}
		},
	}
}

// retagRules finds the rules in their groups, which hold them: in one pass, however
// many there are.
func retagRules(tx *store.Tx, c *api.Call, ids []string, change changeTags) error {
	missing := make(map[vpc.RuleID]bool, len(ids))
	for _, id := range ids {
		missing[vpc.RuleID(id)] = true
	}
	for g := range tx.SecurityGroups.By("account", c.Owner()) {
		var rules []vpc.Rule
		for i, r := range g.Rules {
			if !missing[r.ID] {
				continue
			}
			if rules == nil {
				rules = slices.Clone(g.Rules)
			}
			tags, err := change(r.Tags)
			if err != nil {
				return err
			}
			rules[i].Tags = tags
			delete(missing, r.ID)
		}
		if rules == nil {
			continue
		}
		g.Rules = rules
		tx.SecurityGroups.Put(g)
		if len(missing) == 0 {
			return nil
		}
	}
	for _, id := range ids {
		if missing[vpc.RuleID(id)] {
			return vpc.RuleIDs.NotFound(id)
		}
	}
	return nil
}

func eachRule(v *store.View, c *api.Call, f func(string, map[string]string)) {
	for g := range v.SecurityGroups.By("account", c.Owner()) {
		for _, r := range g.Rules {
			f(string(r.ID), r.Tags)
		}
	}
}
