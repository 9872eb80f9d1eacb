// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutes(t *testing.T) {
	v := VPC{ID: "vpc-1", CIDRs: []netip.Prefix{cidr("10.0.0.0/16")}}
	before := RouteTable{ID: "rtb-1", VPC: v.ID, Routes: []Route{{Prefix: cidr("0.0.0.0/0"), ENI: "eni-1"}}}
	few := DefaultLimits()
	few.Routes = 1
	for _, c := range []struct {
		name, to string
		limits   Limits
		want     string
	}{
		{"another destination", "192.168.0.0/16", DefaultLimits(), ""},
		{"part of the VPC, past the local route", "10.0.9.0/24", DefaultLimits(), ""},
		{"AWS's own at every instance", "169.254.169.0/24", DefaultLimits(), "InvalidParameterValue: The destination CIDR block 169.254.169.0/24 is within 169.254.168.0/22, which is reserved for AWS services."},
		{"what contains it", "169.254.0.0/16", DefaultLimits(), ""},
		{"::/0 is not 0.0.0.0/0", "::/0", DefaultLimits(), ""},
		{"the same destination", "0.0.0.0/0", DefaultLimits(), "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists."},
		{"the local route's", "10.0.0.0/16", DefaultLimits(), "RouteAlreadyExists: The route identified by 10.0.0.0/16 already exists."},
		{"one too many", "192.168.0.0/16", few, "RouteLimitExceeded: The maximum number of routes has been reached."},
	} {
		t.Run("add "+c.name, func(t *testing.T) {
			after, err := before.AddRoute(c.limits, v, Route{Prefix: cidr(c.to), ENI: "eni-2"})
			wantError(t, err, c.want)
			if len(before.Routes) != 1 || err == nil && len(after.Routes) != 2 {
				t.Errorf("before %v, after %v", before.Routes, after.Routes)
			}
		})
	}
	t.Run("no part of the VPC leaves it", func(t *testing.T) {
		const why = "InvalidParameterValue: The destination CIDR block 10.0.9.0/24 is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
		out := Route{Prefix: cidr("10.0.9.0/24"), Gateway: "igw-1"}
		_, err := before.AddRoute(DefaultLimits(), v, out)
		wantError(t, err, why)
		inside, err := before.AddRoute(DefaultLimits(), v, Route{Prefix: out.Prefix, ENI: "eni-2"})
		wantError(t, err, "")
		_, err = inside.ReplaceRoute(v, out)
		wantError(t, err, why)
	})
	for _, c := range []struct{ name, to, want string }{
		{"one", "0.0.0.0/0", ""},
		{"one that is not there", "::/0", "InvalidRoute.NotFound: no route with destination-ipv6-cidr-block ::/0 in route table rtb-1"},
		{"a part of one", "0.0.0.0/1", "InvalidRoute.NotFound: no route with destination-cidr-block 0.0.0.0/1 in route table rtb-1"},
		{"the local one", "10.0.0.0/16", "InvalidParameterValue: cannot remove local route 10.0.0.0/16 in route table rtb-1"},
	} {
		t.Run("remove "+c.name, func(t *testing.T) {
			after, err := before.RemoveRoute(v, cidr(c.to))
			wantError(t, err, c.want)
			if len(before.Routes) != 1 || err == nil && len(after.Routes) != 0 {
				t.Errorf("before %v, after %v", before.Routes, after.Routes)
			}
		})
	}
}

func TestAssociations(t *testing.T) {
	f := counted()
	main := RouteTable{ID: "rtb-main", VPC: "vpc-1", Associations: []TableAssociation{{ID: "rtbassoc-main"}}}
	table, other := RouteTable{ID: "rtb-1", VPC: "vpc-1"}, RouteTable{ID: "rtb-2", VPC: "vpc-1"}
	subnet := Subnet{ID: "subnet-1", VPC: "vpc-1"}

	table, got, err := table.Associate(f, subnet, all(main, table, other))
	wantError(t, err, "")
	if diff := cmp.Diff([]TableAssociation{{ID: got, Subnet: "subnet-1"}}, table.Associations); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	t.Run("the same again changes nothing", func(t *testing.T) {
		again, id, err := table.Associate(f, subnet, all(main, table, other))
		wantError(t, err, "")
		if id != got || len(again.Associations) != 1 {
			t.Error(id, again.Associations)
		}
	})
	t.Run("a subnet has one table", func(t *testing.T) {
		_, _, err := other.Associate(f, subnet, all(main, table, other))
		wantError(t, err, "Resource.AlreadyAssociated: the specified association for route table rtb-2 conflicts with an existing association")
	})
	t.Run("of its own VPC", func(t *testing.T) {
		_, _, err := other.Associate(f, Subnet{ID: "subnet-9", VPC: "vpc-9"}, all(main, table, other))
		wantError(t, err, "InvalidParameterValue: route table rtb-2 and subnet subnet-9 belong to different networks")
	})
	t.Run("a table in use stays", func(t *testing.T) {
		wantError(t, table.CanDelete(), "DependencyViolation: The routeTable 'rtb-1' has dependencies and cannot be deleted.")
		wantError(t, main.CanDelete(), "DependencyViolation: The routeTable 'rtb-main' has dependencies and cannot be deleted.")
		wantError(t, other.CanDelete(), "")
	})
	t.Run("the main association stays", func(t *testing.T) {
		_, err := main.Disassociate("rtbassoc-main")
		wantError(t, err, "InvalidParameterValue: cannot disassociate the main route table association rtbassoc-main")
	})
	t.Run("others go once", func(t *testing.T) {
		after, err := table.Disassociate(got)
		wantError(t, err, "")
		_, err = after.Disassociate(got)
		wantError(t, err, "InvalidAssociationID.NotFound: The association ID '"+string(got)+"' does not exist")
	})
}

func TestReplaceRoute(t *testing.T) {
	v := VPC{ID: "vpc-1", CIDRs: []netip.Prefix{cidr("10.0.0.0/16")}}
	before := RouteTable{ID: "rtb-1", VPC: v.ID, Routes: []Route{
		{Prefix: cidr("0.0.0.0/0"), ENI: "eni-1", Origin: "CreateRoute"}, {Prefix: cidr("192.168.0.0/16"), ENI: "eni-1", Origin: "CreateRoute"},
	}}
	t.Run("it has the new target and nothing of the old one", func(t *testing.T) {
		after, err := before.ReplaceRoute(v, Route{Prefix: cidr("0.0.0.0/0"), Instance: "i-1"})
		wantError(t, err, "")
		want := []Route{{Prefix: cidr("0.0.0.0/0"), Instance: "i-1", Origin: "CreateRoute"}, before.Routes[1]}
		if diff := cmp.Diff(want, after.Routes, comparePrefixes); diff != "" || before.Routes[0].ENI != "eni-1" {
			t.Errorf("before %v (-want +got)\n%s", before.Routes, diff)
		}
	})
	for _, c := range []struct{ name, to, want string }{
		{"a part of one", "0.0.0.0/1", "InvalidParameterValue: There is no route defined for '0.0.0.0/1' in the route table. Use CreateRoute instead."},
		{"the local one", "10.0.0.0/16", "UnsupportedOperation: Replacing the target of the local route 10.0.0.0/16 is not supported."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := before.ReplaceRoute(v, Route{Prefix: cidr(c.to), ENI: "eni-2"})
			wantError(t, err, c.want)
		})
	}
}

func TestTakeOver(t *testing.T) {
	main := RouteTable{ID: "rtb-main", VPC: "vpc-1", Associations: []TableAssociation{{ID: "rtbassoc-1"}, {ID: "rtbassoc-2", Subnet: "subnet-1"}}}
	table := RouteTable{ID: "rtb-1", VPC: "vpc-1"}
	t.Run("the main association makes the main table", func(t *testing.T) {
		after, left, a, err := table.TakeOver(counted(), main, "rtbassoc-1")
		wantError(t, err, "")
		if got, ok := after.SubnetAssociation(""); !ok || got != a || a.ID != AssociationID(id("rtbassoc", 1)) {
			t.Errorf("took %v, has %v", a, after.Associations)
		}
		if _, ok := left.SubnetAssociation(""); ok || len(left.Associations) != 1 || len(main.Associations) != 2 {
			t.Errorf("left %v of %v", left.Associations, main.Associations)
		}
	})
	t.Run("from itself nothing changes", func(t *testing.T) {
		after, left, a, err := main.TakeOver(counted(), main, "rtbassoc-2")
		wantError(t, err, "")
		if a.ID != "rtbassoc-2" || len(after.Associations) != 2 || len(left.Associations) != 2 {
			t.Error(a, after, left)
		}
	})
	t.Run("of its own VPC", func(t *testing.T) {
		_, _, _, err := RouteTable{ID: "rtb-9", VPC: "vpc-9"}.TakeOver(counted(), main, "rtbassoc-2")
		wantError(t, err, "InvalidParameterValue: route table rtb-9 and route table rtb-main belong to different networks")
	})
}
