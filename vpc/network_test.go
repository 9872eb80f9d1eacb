// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	owner = Meta{Account: "123456789012", Region: "ap-northeast-1", Tags: map[string]string{"Name": "one"}}
	made  = Meta{Account: "123456789012", Region: "ap-northeast-1", Created: now}

	comparePrefixes = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})}
)

func TestNewVPC(t *testing.T) {
	t.Run("it comes with a main route table and a group that lets its members in", func(t *testing.T) {
		v, main, group, err := NewVPC(counted(), DefaultLimits(), 0, VPCSpec{Owner: owner, CIDR: cidr("10.0.0.0/16")})
		wantError(t, err, "")
		tagged := made
		tagged.Tags = owner.Tags
		wantVPC := VPC{
			Meta: tagged, ID: VPCID(id("vpc", 1)), VNI: 256, CIDRs: []netip.Prefix{cidr("10.0.0.0/16")}, Tenancy: "default",
			DNSSupport: true, MainTable: RouteTableID(id("rtb", 1)), DefaultGroup: SecurityGroupID(id("sg", 1)),
		}
		wantMain := RouteTable{
			Meta: made, ID: wantVPC.MainTable, Number: 1, VPC: wantVPC.ID,
			Associations: []TableAssociation{{ID: AssociationID(id("rtbassoc", 1))}},
		}
		wantGroup := SecurityGroup{
			Meta: made, ID: wantVPC.DefaultGroup, Number: 1, VPC: wantVPC.ID, Name: "default", Description: "default VPC security group",
			Rules: []Rule{
				{ID: RuleID(id("sgr", 1)), Protocol: -1, From: -1, To: -1, Group: wantVPC.DefaultGroup},
				{ID: RuleID(id("sgr", 2)), Egress: true, Protocol: -1, From: -1, To: -1, CIDR: cidr("0.0.0.0/0")},
			},
		}
		if diff := cmp.Diff([]any{wantVPC, wantMain, wantGroup}, []any{v, main, group}, comparePrefixes); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	for _, c := range []struct {
		name, cidr, want string
		have             int
	}{
		{"the largest", "10.0.0.0/16", "", 0},
		{"the smallest", "10.0.0.16/28", "", 4},
		{"larger", "10.0.0.0/15", "InvalidVpc.Range: The CIDR '10.0.0.0/15' is invalid.", 0},
		{"smaller", "10.0.0.0/29", "InvalidVpc.Range: The CIDR '10.0.0.0/29' is invalid.", 0},
		{"public addresses are fine", "8.8.0.0/16", "", 0},
		{"what every host has is not", "127.1.0.0/16", "InvalidVpc.Range: The CIDR '127.1.0.0/16' is invalid.", 0},
		{"multicast is not", "224.0.0.0/16", "InvalidVpc.Range: The CIDR '224.0.0.0/16' is invalid.", 0},
		{"IPv6 is not the first range", "fd00::/24", "InvalidVpc.Range: The CIDR 'fd00::/24' is invalid.", 0},
		{"one too many", "10.0.0.0/16", "VpcLimitExceeded: The maximum number of VPCs has been reached.", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := NewVPC(counted(), DefaultLimits(), c.have, VPCSpec{Owner: owner, CIDR: cidr(c.cidr)})
			wantError(t, err, c.want)
		})
	}
	t.Run("the last number that packets can carry, and no more", func(t *testing.T) {
		f, given := counted(), uint32(1<<24-1-255)
		f.Number = func(string) uint32 { given++; return given - 1 }
		v, _, _, err := NewVPC(f, DefaultLimits(), 0, VPCSpec{Owner: owner, CIDR: cidr("10.0.0.0/16")})
		wantError(t, err, "")
		if v.VNI != 1<<24-1 {
			t.Errorf("it has the number %d", v.VNI)
		}
		_, _, _, err = NewVPC(f, DefaultLimits(), 0, VPCSpec{Owner: owner, CIDR: cidr("10.0.0.0/16")})
		wantError(t, err, "VpcLimitExceeded: The maximum number of VPCs has been reached.")
	})
}

func TestNewDefault(t *testing.T) {
	d, err := NewDefault(counted(), DefaultLimits(), 0, Meta{Account: "1", Region: "r"}, []string{"ra", "rc"})
	wantError(t, err, "")
	if !d.VPC.Default || !d.VPC.DNSHostnames || d.VPC.CIDRs[0] != cidr("172.31.0.0/16") {
		t.Errorf("%+v", d.VPC)
	}
	var got []string
	for _, s := range d.Subnets {
		got = append(got, s.Zone+" "+s.CIDR.String())
		if !contains(d.VPC.CIDRs[0], s.CIDR) || !s.Default || s.VPC != d.VPC.ID {
			t.Errorf("%+v", s)
		}
	}
	if r := d.Table.Routes; d.Gateway.VPC != d.VPC.ID || len(r) != 1 || r[0].Gateway != d.Gateway.ID || r[0].Prefix != cidr("0.0.0.0/0") {
		t.Errorf("the way out is %+v, by %+v", d.Gateway, r)
	}
	if diff := cmp.Diff([]string{"ra 172.31.0.0/20", "rc 172.31.16.0/20"}, got); diff != "" {
		t.Errorf("a subnet for each zone (-want +got)\n%s", diff)
	}
}

func TestVPCCanDelete(t *testing.T) {
	v := VPC{ID: "vpc-1"}
	wantError(t, v.CanDelete(VPCContents{}), "")
	for _, c := range []VPCContents{{Subnets: 1}, {ENIs: 1}, {Endpoints: 1}, {Tables: 1}, {Groups: 1}, {UsedBy: 1}} {
		wantError(t, v.CanDelete(c), "DependencyViolation: The vpc 'vpc-1' has dependencies and cannot be deleted.")
	}
}

func TestNewSubnet(t *testing.T) {
	v := VPC{ID: "vpc-1", CIDRs: []netip.Prefix{cidr("10.0.0.0/16")}}
	zones := []string{"ap-northeast-1a", "ap-northeast-1c"}
	few := DefaultLimits()
	few.Subnets = 1
	for _, c := range []struct {
		name, cidr, zone string
		limits           Limits
		want             string
	}{
		{"in the VPC and beside the others", "10.0.2.0/24", "ap-northeast-1c", DefaultLimits(), ""},
		{"without a zone it gets the first", "10.0.2.0/24", "", DefaultLimits(), ""},
		{"in another subnet", "10.0.1.128/28", "", DefaultLimits(), "InvalidSubnet.Conflict: The CIDR '10.0.1.128/28' conflicts with another subnet"},
		{"around another subnet", "10.0.0.0/16", "", DefaultLimits(), "InvalidSubnet.Conflict: The CIDR '10.0.0.0/16' conflicts with another subnet"},
		{"outside", "10.1.0.0/24", "", DefaultLimits(), "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid."},
		{"smaller than AWS allows", "10.0.2.0/29", "", DefaultLimits(), "InvalidSubnet.Range: The CIDR '10.0.2.0/29' is invalid."},
		{"in a zone that there is not", "10.0.2.0/24", "ap-northeast-1b", DefaultLimits(), "InvalidParameterValue: Value (ap-northeast-1b) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c."},
		{"one too many", "10.0.2.0/24", "", few, "SubnetLimitExceeded: The maximum number of subnets has been reached."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := NewSubnet(counted(), c.limits, v, zones, all(Subnet{CIDR: cidr("10.0.1.0/24")}), SubnetSpec{Owner: owner, CIDR: cidr(c.cidr), Zone: c.zone})
			wantError(t, err, c.want)
			if err == nil && (s.CIDR != cidr(c.cidr) || s.VPC != v.ID || s.Zone == "") {
				t.Errorf("%+v", s)
			}
		})
	}
	t.Run("five addresses are AWS's", func(t *testing.T) {
		if got := (Subnet{CIDR: cidr("10.0.0.0/28")}).FreeAddresses(2); got != 9 {
			t.Error(got)
		}
	})
}
