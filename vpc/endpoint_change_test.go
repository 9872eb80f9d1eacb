// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// existing is an endpoint in zones a and c, with the world that it is in.
func existing() (Endpoint, EndpointFacts) {
	w := endpointWorld()
	w.ENI = func(id ENIID) (ENI, bool) {
		return ENI{ID: id, Addresses: []netip.Addr{netip.MustParseAddr("10.0.1.50")}}, id == "eni-a"
	}
	return Endpoint{
		Meta: made, ID: "vpce-1", VPC: "vpc-1", Type: Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
		Subnets: []SubnetID{inA, inC}, ENIs: []ENIID{"eni-a", "eni-c"}, Groups: []SecurityGroupID{web},
		PrivateDNS: true, Policy: "{}", AddressType: "ipv4", RecordType: "ipv4", Generation: 7, Status: EndpointStatus{Ready: 7},
	}, w
}

func TestEndpointModify(t *testing.T) {
	newENI := ENIID(id("eni", 1))
	for _, c := range []struct {
		name    string
		change  EndpointChange
		want    func(*EndpointChanged)
		address string // of the new interface
	}{
		{"nothing", EndpointChange{}, func(*EndpointChanged) {}, ""},
		{"another subnet of a zone takes the place of the one that goes", EndpointChange{RemoveSubnets: []SubnetID{inA}, AddSubnets: []SubnetID{alsoInA}},
			func(c *EndpointChanged) {
				c.Removed, c.Endpoint.Subnets, c.Endpoint.ENIs = []ENIID{"eni-a"}, []SubnetID{inC, alsoInA}, []ENIID{"eni-c", newENI}
			}, "10.0.3.4"},
		{"all subnets may go", EndpointChange{RemoveSubnets: []SubnetID{inC, inA}},
			func(c *EndpointChanged) {
				c.Removed, c.Endpoint.Subnets, c.Endpoint.ENIs = []ENIID{"eni-c", "eni-a"}, []SubnetID{}, []ENIID{}
			}, ""},
		{"another address is another interface in the same place", EndpointChange{Addresses: map[SubnetID]string{inA: "10.0.1.60"}},
			func(c *EndpointChanged) {
				c.Removed, c.Endpoint.ENIs = []ENIID{"eni-a"}, []ENIID{newENI, "eni-c"}
			}, "10.0.1.60"},
		{"the address that it has changes nothing", EndpointChange{Addresses: map[SubnetID]string{inA: "10.0.1.50"}}, func(*EndpointChanged) {}, ""},
		{"an address in a subnet that only it names adds the subnet", EndpointChange{RemoveSubnets: []SubnetID{inA}, Addresses: map[SubnetID]string{alsoInA: "10.0.3.60"}},
			func(c *EndpointChanged) {
				c.Removed, c.Endpoint.Subnets, c.Endpoint.ENIs = []ENIID{"eni-a"}, []SubnetID{inC, alsoInA}, []ENIID{"eni-c", newENI}
			}, "10.0.3.60"},
		{"groups are exchanged", EndpointChange{RemoveGroups: []SecurityGroupID{web}, AddGroups: []SecurityGroupID{"sg-default", "sg-default"}},
			func(c *EndpointChanged) { c.SetGroups, c.Endpoint.Groups = true, []SecurityGroupID{"sg-default"} }, ""},
		{"private DNS is switched off", EndpointChange{PrivateDNS: new(false)}, func(c *EndpointChanged) { c.Endpoint.PrivateDNS = false }, ""},
		{"the policy is reset", EndpointChange{ResetPolicy: true}, func(c *EndpointChanged) { c.Endpoint.Policy = DefaultEndpointPolicy }, ""},
		{"an empty policy is the default one", EndpointChange{Policy: new("")}, func(c *EndpointChanged) { c.Endpoint.Policy = DefaultEndpointPolicy }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, w := existing()
			before, _ := existing()
			got, err := e.Modify(counted(), DefaultLimits(), w, c.change)
			wantError(t, err, "")
			want := EndpointChanged{Endpoint: before}
			want.Endpoint.Generation = 8
			c.want(&want)
			var address string
			for _, eni := range got.Added {
				address = eni.Addresses[0].String()
				if !slices.Equal(eni.Groups, got.Endpoint.Groups) || eni.Endpoint != e.ID || eni.ID != newENI {
					t.Errorf("%+v", eni)
				}
			}
			if address != c.address || len(got.Added) > 1 {
				t.Errorf("the new interface has %q, want %q", address, c.address)
			}
			got.Added = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got.Endpoint.State() != "pending" && len(got.Endpoint.ENIs) > 0 {
				t.Errorf("it is %s", got.Endpoint.State())
			}
			if diff := cmp.Diff(before, e); diff != "" {
				t.Errorf("it changed what it was called on (-want +got)\n%s", diff)
			}
		})
	}
}

func TestEndpointModifyRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change EndpointChange
		first  func(*Endpoint, *EndpointFacts)
		want   string
	}{
		{"a zone twice", EndpointChange{AddSubnets: []SubnetID{alsoInA}}, nil,
			"DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of subnet-a. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
		{"a subnet of another VPC", EndpointChange{AddSubnets: []SubnetID{elsewhere}}, nil, "InvalidParameter: The subnet ID 'subnet-other' does not belong to VPC vpc-1"},
		{"removing a subnet that it does not have", EndpointChange{RemoveSubnets: []SubnetID{alsoInA}}, nil, "InvalidParameter: The subnet ID 'subnet-a2' is not associated with the VPC endpoint vpce-1"},
		{"removing a group that it does not have", EndpointChange{RemoveGroups: []SecurityGroupID{other}}, nil, "InvalidParameter: The security group 'sg-other' is not associated with the VPC endpoint vpce-1"},
		{"a group of another VPC", EndpointChange{AddGroups: []SecurityGroupID{other}}, nil, "InvalidParameter: Security group sg-other and VPC vpc-1 belong to different networks."},
		{"more groups than an interface has", EndpointChange{AddGroups: sixGroups[1:]}, nil, "SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{"removing the last group", EndpointChange{RemoveGroups: []SecurityGroupID{web}}, nil, "InvalidParameter: A VPC endpoint must have at least one security group."},
		{"route tables", EndpointChange{Tables: true}, nil, "InvalidParameter: Route table IDs are only supported for Gateway type VPC Endpoint."},
		{"an address outside of the subnet", EndpointChange{Addresses: map[SubnetID]string{inA: "10.0.2.60"}}, nil, "InvalidParameterValue: Address does not fall within the subnet's address range"},
		{"IPv6", EndpointChange{AddressType: "ipv6"}, nil, "InvalidParameter: The IP address type 'ipv6' is not supported by the VPC endpoint service com.amazonaws.ap-northeast-1.ec2 in these subnets."},
		{"a policy that is none", EndpointChange{Policy: new("policy")}, nil, "InvalidPolicyDocument: The Policy Document is not valid. Syntax error at position (1,1)"},
		{"private DNS without DNS", EndpointChange{PrivateDNS: new(true)}, func(_ *Endpoint, w *EndpointFacts) { w.VPC.DNSHostnames = false },
			"InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for vpc-1"},
		{"its own private name is no conflict", EndpointChange{PrivateDNS: new(true)}, func(e *Endpoint, w *EndpointFacts) { w.Siblings = siblings(*e) }, ""},
		{"one that is being deleted", EndpointChange{ResetPolicy: true}, func(e *Endpoint, _ *EndpointFacts) { *e = e.Delete() },
			"IncorrectState: The VPC endpoint vpce-1 is in the state deleting and cannot be modified."},
		{"one that has gone", EndpointChange{ResetPolicy: true}, func(e *Endpoint, _ *EndpointFacts) { *e = e.Delete(); e.Status.Gone = now },
			"InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id 'vpce-1' does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, w := existing()
			if c.first != nil {
				c.first(&e, &w)
			}
			_, err := e.Modify(counted(), DefaultLimits(), w, c.change)
			wantError(t, err, c.want)
		})
	}
}
