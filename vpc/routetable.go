// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"iter"
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// NewRouteTable returns a table of v with nothing but the local routes. have is
// how many tables v has already.
func NewRouteTable(f Fresh, limits Limits, v VPC, have int, owner Meta) (RouteTable, error) {
	if have >= limits.RouteTables {
		return RouteTable{}, awserr.New("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
	}
	owner.Created = f.Now
	return RouteTable{Meta: owner, ID: RouteTableID(f.ID("rtb")), Number: f.Number("table"), VPC: v.ID}, nil
}

// CanDelete returns nil if t may go.
func (t RouteTable) CanDelete() error {
	if len(t.Associations) > 0 {
		return awserr.New("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.ID)
	}
	return nil
}

// AddRoute returns t with one more route. That the target exists, and lies in
// the same VPC, is the caller's to have checked.
func (t RouteTable) AddRoute(limits Limits, v VPC, r Route) (RouteTable, error) {
	if slices.Contains(v.CIDRs, r.Prefix) || t.route(r.Prefix) >= 0 {
		return t, awserr.New("RouteAlreadyExists", "The route identified by %s already exists.", r.Prefix)
	}
	if err := r.check(v); err != nil {
		return t, err
	}
	if len(t.Routes) >= limits.Routes {
		return t, awserr.New("RouteLimitExceeded", "The maximum number of routes has been reached.")
	}
	t.Routes = append(slices.Clone(t.Routes), r)
	return t, nil
}

// linkLocalServices are AWS's own at every instance: no route leads them elsewhere.
var linkLocalServices = netip.MustParsePrefix("169.254.168.0/22")

// check refuses a destination that the target cannot be for (VPC guide, "Route table concepts").
func (r Route) check(v VPC) error {
	within := func(outer netip.Prefix) bool {
		return outer.Bits() <= r.Prefix.Bits() && outer.Contains(r.Prefix.Addr())
	}
	if within(linkLocalServices) {
		return awserr.New("InvalidParameterValue", "The destination CIDR block %s is within %s, which is reserved for AWS services.", r.Prefix, linkLocalServices)
	}
	if r.Gateway != "" && slices.ContainsFunc(v.CIDRs, within) {
		return awserr.New("InvalidParameterValue", "The destination CIDR block %s is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.", r.Prefix)
	}
	return nil
}

// RemoveRoute returns t without the route to exactly p.
func (t RouteTable) RemoveRoute(v VPC, p netip.Prefix) (RouteTable, error) {
	if slices.Contains(v.CIDRs, p) {
		return t, awserr.New("InvalidParameterValue", "cannot remove local route %s in route table %s", p, t.ID)
	}
	i := t.route(p)
	if i < 0 {
		family := ""
		if p.Addr().Is6() {
			family = "ipv6-"
		}
		return t, awserr.New("InvalidRoute.NotFound", "no route with destination-%scidr-block %s in route table %s", family, p, t.ID)
	}
	t.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
	return t, nil
}

// ReplaceRoute returns t with r in place of the route to the same destination.
// Of the target the same holds as for [RouteTable.AddRoute].
func (t RouteTable) ReplaceRoute(v VPC, r Route) (RouteTable, error) {
	if slices.Contains(v.CIDRs, r.Prefix) {
		return t, awserr.New("UnsupportedOperation", "Replacing the target of the local route %s is not supported.", r.Prefix)
	}
	i := t.route(r.Prefix)
	if i < 0 {
		return t, awserr.New("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", r.Prefix)
	}
	if err := r.check(v); err != nil {
		return t, err
	}
	r.Origin = t.Routes[i].Origin
	t.Routes = slices.Clone(t.Routes)
	t.Routes[i] = r
	return t, nil
}

// RestoreLocal returns nil if p is a destination whose target is the network
// itself, which it always is: no route takes its place.
func (t RouteTable) RestoreLocal(v VPC, p netip.Prefix) error {
	if slices.Contains(v.CIDRs, p) {
		return nil
	}
	return awserr.New("InvalidParameterValue", "The destination %s of a local target is not a CIDR block of the VPC '%s'", p, v.ID)
}

func (t RouteTable) route(p netip.Prefix) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.Prefix == p })
}

// Associate returns t with s as one of its subnets. A subnet has one table:
// siblings are all tables of the VPC.
func (t RouteTable) Associate(f Fresh, s Subnet, siblings iter.Seq[RouteTable]) (RouteTable, AssociationID, error) {
	if s.VPC != t.VPC {
		return t, "", awserr.New("InvalidParameterValue", "route table %s and subnet %s belong to different networks", t.ID, s.ID)
	}
	for other := range siblings {
		a, ok := other.SubnetAssociation(s.ID)
		if ok && other.ID == t.ID {
			return t, a.ID, nil // the same again changes nothing
		}
		if ok {
			return t, "", awserr.New("Resource.AlreadyAssociated",
				"the specified association for route table %s conflicts with an existing association", t.ID)
		}
	}
	a := TableAssociation{ID: AssociationID(f.ID("rtbassoc")), Subnet: s.ID}
	t.Associations = append(slices.Clone(t.Associations), a)
	return t, a.ID, nil
}

// Association returns t's association with the id.
func (t RouteTable) Association(id AssociationID) (TableAssociation, bool) {
	for _, a := range t.Associations {
		if a.ID == id {
			return a, true
		}
	}
	return TableAssociation{}, false
}

// SubnetAssociation returns t's association with the subnet; "" is the main one.
func (t RouteTable) SubnetAssociation(s SubnetID) (TableAssociation, bool) {
	for _, a := range t.Associations {
		if a.Subnet == s {
			return a, true
		}
	}
	return TableAssociation{}, false
}

// Disassociate returns t without the association; its subnet then has the main table.
func (t RouteTable) Disassociate(id AssociationID) (RouteTable, error) {
	a, ok := t.Association(id)
	switch {
	case !ok:
		return t, AssociationIDs.NotFound(string(id))
	case a.Subnet == "":
		return t, awserr.New("InvalidParameterValue", "cannot disassociate the main route table association %s", id)
	}
	t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a TableAssociation) bool { return a.ID == id })
	return t, nil
}

// TakeOver returns t with from's association, under a new id, and from without
// it; the main one makes t the main table of the VPC. From the table itself
// nothing changes.
func (t RouteTable) TakeOver(f Fresh, from RouteTable, id AssociationID) (after, left RouteTable, taken TableAssociation, err error) {
	a, ok := from.Association(id)
	switch {
	case !ok:
		return t, from, a, AssociationIDs.NotFound(string(id))
	case from.VPC != t.VPC:
		return t, from, a, awserr.New("InvalidParameterValue", "route table %s and route table %s belong to different networks", t.ID, from.ID)
	case from.ID == t.ID:
		return t, from, a, nil
	}
	from.Associations = slices.DeleteFunc(slices.Clone(from.Associations), func(x TableAssociation) bool { return x.ID == id })
	a.ID = AssociationID(f.ID("rtbassoc"))
	t.Associations = append(slices.Clone(t.Associations), a)
	return t, from, a, nil
}
