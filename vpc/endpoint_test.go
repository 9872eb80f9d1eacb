// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	inA, inC, alsoInA, elsewhere = SubnetID("subnet-a"), SubnetID("subnet-c"), SubnetID("subnet-a2"), SubnetID("subnet-other")
	web, other                   = SecurityGroupID("sg-web"), SecurityGroupID("sg-other")
)

// endpointWorld is a VPC with three subnets in two zones, a group, and both DNS attributes.
func endpointWorld() EndpointFacts {
	subnets := map[SubnetID]Subnet{
		inA:       {ID: inA, VPC: "vpc-1", Zone: "ap-northeast-1a", CIDR: cidr("10.0.1.0/24")},
		inC:       {ID: inC, VPC: "vpc-1", Zone: "ap-northeast-1c", CIDR: cidr("10.0.2.0/28")},
		alsoInA:   {ID: alsoInA, VPC: "vpc-1", Zone: "ap-northeast-1a", CIDR: cidr("10.0.3.0/24")},
		elsewhere: {ID: elsewhere, VPC: "vpc-2", Zone: "ap-northeast-1a", CIDR: cidr("10.0.1.0/24")},
	}
	groups := map[SecurityGroupID]SecurityGroup{"sg-default": {VPC: "vpc-1"}, web: {VPC: "vpc-1"}, other: {VPC: "vpc-2"}}
	return EndpointFacts{
		VPC: VPC{ID: "vpc-1", DefaultGroup: "sg-default", DNSSupport: true, DNSHostnames: true},
		Subnet: func(id SubnetID) (Subnet, error) {
			if n, ok := subnets[id]; ok {
				return n, nil
			}
			return Subnet{}, EndpointSubnetIDs.NotFound(string(id))
		},
		Group: func(id SecurityGroupID) (SecurityGroup, error) {
			if g, ok := groups[id]; ok {
				return g, nil
			}
			return SecurityGroup{}, EndpointGroupIDs.NotFound(string(id))
		},
		ENI:      func(ENIID) (ENI, bool) { return ENI{}, false },
		Used:     func(SubnetID) map[netip.Addr]bool { return map[netip.Addr]bool{} },
		Siblings: siblings(),
	}
}

func siblings(all ...Endpoint) iter.Seq[Endpoint] { return slices.Values(all) }

func endpointSpec() EndpointSpec {
	return EndpointSpec{
		Owner: owner, Type: Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
		Subnets: []SubnetID{inA, inC}, Groups: []SecurityGroupID{web, web}, ClientToken: "once",
		Addresses: map[SubnetID]string{inC: "10.0.2.9"},
	}
}

// full is what a subnet's addresses are when all are taken.
func full(n Subnet) map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	for a := n.CIDR.Addr(); n.CIDR.Contains(a); a = a.Next() {
		used[a] = true
	}
	return used
}

func TestNewEndpoint(t *testing.T) {
	t.Run("it has an interface in each subnet, with its groups, and a policy and a private name", func(t *testing.T) {
		e, enis, err := NewEndpoint(counted(), DefaultLimits(), endpointWorld(), endpointSpec())
		wantError(t, err, "")
		tagged := made
		tagged.Tags = owner.Tags
		want := Endpoint{
			Meta: tagged, ID: EndpointID(id("vpce", 1)), VPC: "vpc-1", Type: Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
			Subnets: []SubnetID{inA, inC}, Groups: []SecurityGroupID{web}, ENIs: []ENIID{ENIID(id("eni", 1)), ENIID(id("eni", 2))},
			PrivateDNS: true, Policy: DefaultEndpointPolicy, AddressType: "ipv4", RecordType: "ipv4", Suffix: "00000000", ClientToken: "once", Generation: 1,
		}
		wantENI := func(n int, subnet SubnetID, zone, address string) ENI {
			return ENI{
				Meta: made, ID: ENIID(id("eni", n)), Number: uint32(n), VPC: "vpc-1", Subnet: subnet, Zone: zone,
				MAC: fmt.Sprintf("02:01:00:00:00:%02x", n), Addresses: []netip.Addr{netip.MustParseAddr(address)},
				Groups: []SecurityGroupID{web}, Type: "vpc_endpoint", Description: "VPC Endpoint Interface " + id("vpce", 1), Endpoint: want.ID,
				Attachment: &Attachment{ID: id("ela-attach", n), Device: 1, At: now},
			}
		}
		wantENIs := []ENI{wantENI(1, inA, "ap-northeast-1a", "10.0.1.4"), wantENI(2, inC, "ap-northeast-1c", "10.0.2.9")}
		if diff := cmp.Diff([]any{want, wantENIs}, []any{e, enis}, comparePrefixes); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if e.State() != "pending" {
			t.Errorf("it is %s", e.State())
		}
	})
	t.Run("without subnets and groups it has no interface, the default group, and is available", func(t *testing.T) {
		spec := endpointSpec()
		spec.Subnets, spec.Groups = nil, nil
		e, enis, err := NewEndpoint(counted(), DefaultLimits(), endpointWorld(), spec)
		wantError(t, err, "")
		if len(enis) > 0 || !slices.Equal(e.Groups, []SecurityGroupID{"sg-default"}) || e.State() != "available" {
			t.Errorf("%+v\n%+v", e, enis)
		}
	})
	t.Run("whoever does not ask for private DNS does without where the VPC does not allow it", func(t *testing.T) {
		w := endpointWorld()
		w.VPC.DNSHostnames = false
		e, _, err := NewEndpoint(counted(), DefaultLimits(), w, endpointSpec())
		wantError(t, err, "")
		if e.PrivateDNS {
			t.Error("it has private DNS")
		}
	})
}

func TestNewEndpointRefuses(t *testing.T) {
	holder := Endpoint{Meta: owner, ID: "vpce-holder", Service: "com.amazonaws.ap-northeast-1.ec2", PrivateDNS: true}
	const conflict = "InvalidParameter: private-dns-enabled cannot be set because there is already a conflicting DNS domain for ec2.ap-northeast-1.amazonaws.com in the VPC vpc-1"
	for _, c := range []struct {
		name   string
		change func(*EndpointSpec, *EndpointFacts)
		want   string
	}{
		{"an unknown service", func(s *EndpointSpec, _ *EndpointFacts) { s.Service = "nothing" },
			"InvalidServiceName: The Vpc Endpoint Service 'nothing' does not exist"},
		{"a service of another region", func(s *EndpointSpec, _ *EndpointFacts) { s.Region = "us-east-1" },
			"InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.ap-northeast-1.ec2' does not exist"},
		{"a type that the service does not have", func(s *EndpointSpec, _ *EndpointFacts) { s.Type, s.Subnets, s.Groups = Gateway, nil, nil },
			"InvalidParameter: Endpoint type (Gateway) does not match available service types ([Interface])."},
		{"what the type does not have, before the type", func(s *EndpointSpec, _ *EndpointFacts) { s.Type = Gateway },
			"InvalidParameter: Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."},
		{"groups of a gateway endpoint", func(s *EndpointSpec, _ *EndpointFacts) { s.Type, s.Subnets = Gateway, nil },
			"InvalidParameter: Security group IDs are only supported for Interface type VPC Endpoints."},
		{"route tables", func(s *EndpointSpec, _ *EndpointFacts) { s.Tables = []RouteTableID{"rtb-1"} },
			"InvalidParameter: Route table IDs are only supported for Gateway type VPC Endpoint."},
		{"a subnet that there is not", func(s *EndpointSpec, _ *EndpointFacts) { s.Subnets = append(s.Subnets, "subnet-x") },
			"InvalidSubnetId.NotFound: The subnet ID 'subnet-x' does not exist"},
		{"a subnet of another VPC", func(s *EndpointSpec, _ *EndpointFacts) { s.Subnets = []SubnetID{elsewhere} },
			"InvalidParameter: The subnet ID 'subnet-other' does not belong to VPC vpc-1"},
		{"two subnets of one zone", func(s *EndpointSpec, _ *EndpointFacts) { s.Subnets = append(s.Subnets, alsoInA) },
			"DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of subnet-a. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
		{"a group that there is not", func(s *EndpointSpec, _ *EndpointFacts) { s.Groups = []SecurityGroupID{"sg-x"} },
			"InvalidSecurityGroupId.NotFound: The security group 'sg-x' does not exist"},
		{"a group of another VPC", func(s *EndpointSpec, _ *EndpointFacts) { s.Groups = append(s.Groups, other) },
			"InvalidParameter: Security group sg-other and VPC vpc-1 belong to different networks."},
		{"more groups than an interface has", func(s *EndpointSpec, _ *EndpointFacts) { s.Groups = sixGroups },
			"SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{"subnets are looked at before groups", func(s *EndpointSpec, _ *EndpointFacts) {
			s.Subnets, s.Groups = []SubnetID{elsewhere}, []SecurityGroupID{other}
		}, "InvalidParameter: The subnet ID 'subnet-other' does not belong to VPC vpc-1"},
		{"an address type", func(s *EndpointSpec, _ *EndpointFacts) { s.AddressType = "dualstack" },
			"InvalidParameter: The IP address type 'dualstack' is not supported by the VPC endpoint service com.amazonaws.ap-northeast-1.ec2 in these subnets."},
		{"a record type", func(s *EndpointSpec, _ *EndpointFacts) { s.RecordType = "ipv6" },
			"InvalidParameter: The DNS record IP type 'ipv6' is not supported for the IP address type 'ipv4'."},
		{"an address that is in use", func(_ *EndpointSpec, w *EndpointFacts) {
			w.Used = func(SubnetID) map[netip.Addr]bool { return map[netip.Addr]bool{netip.MustParseAddr("10.0.2.9"): true} }
		}, "InvalidIPAddress.InUse: Address 10.0.2.9 is in use."},
		{"a subnet that is full", func(s *EndpointSpec, w *EndpointFacts) {
			w.Used = func(id SubnetID) map[netip.Addr]bool { n, _ := w.Subnet(id); return full(n) }
		}, "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."},
		{"a policy that is none", func(s *EndpointSpec, _ *EndpointFacts) { s.Policy = new("[]") },
			"InvalidPolicyDocument: The Policy Document is not valid. Syntax error at position (1,2)"},
		{"private DNS without DNS", func(s *EndpointSpec, w *EndpointFacts) { s.PrivateDNS, w.VPC.DNSSupport = new(true), false },
			"InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for vpc-1"},
		{"a private name that is held", func(_ *EndpointSpec, w *EndpointFacts) { w.Siblings = siblings(holder) }, conflict},
		{"a private name that is held by one that is being deleted", func(_ *EndpointSpec, w *EndpointFacts) { w.Siblings = siblings(holder.Delete()) }, conflict},
		{"a private name that was held by one that has gone is free", func(_ *EndpointSpec, w *EndpointFacts) {
			gone := holder.Delete()
			gone.Status.Gone = now
			w.Siblings = siblings(gone)
		}, ""},
		{"one too many", func(_ *EndpointSpec, w *EndpointFacts) { w.Have = 50 },
			"VpcEndpointLimitExceeded: The maximum number of VPC endpoints has been reached."},
		{"the last one is fine", func(_ *EndpointSpec, w *EndpointFacts) { w.Have = 49 }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := endpointSpec(), endpointWorld()
			c.change(&s, &w)
			_, enis, err := NewEndpoint(counted(), DefaultLimits(), w, s)
			wantError(t, err, c.want)
			if c.want != "" && enis != nil {
				t.Errorf("there are interfaces: %+v", enis)
			}
		})
	}
}

func TestParseEndpointType(t *testing.T) {
	for text, want := range map[string]EndpointType{"": Gateway, "Interface": Interface, "ServiceNetwork": ServiceNetwork} {
		got, err := ParseEndpointType(text)
		if wantError(t, err, ""); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	_, err := ParseEndpointType("interface")
	wantError(t, err, "InvalidVpcEndpointType: The VPC endpoint type 'interface' is not valid.")
}

func TestEndpointState(t *testing.T) {
	e := Endpoint{Generation: 2, ENIs: []ENIID{"eni-1"}}
	for _, c := range []struct {
		name   string
		change func(*Endpoint)
		want   string
	}{
		{"nobody has reached it", func(*Endpoint) {}, "pending"},
		{"it was reached as it was before", func(e *Endpoint) { e.Status.Ready = 1 }, "pending"},
		{"it was reached as it is", func(e *Endpoint) { e.Status.Ready = 2 }, "available"},
		{"there is nothing to reach", func(e *Endpoint) { e.ENIs = nil }, "available"},
		{"somebody wants it gone", func(e *Endpoint) { e.Status.Ready = 2; *e = e.Delete() }, "deleting"},
		{"one without interfaces, too, is gone only when that was seen", func(e *Endpoint) { e.ENIs = nil; *e = e.Delete() }, "deleting"},
		{"it has gone", func(e *Endpoint) { *e = e.Delete(); e.Status.Gone = now }, "deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := e
			c.change(&e)
			if got := e.State(); got != c.want || e.Available() != (got == "available") {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if once := e.Delete(); once.Generation != 3 || once.Delete().Generation != 3 {
		t.Error("deleting is one change, however often it is asked for")
	}
}

func TestEndpointNames(t *testing.T) {
	e := Endpoint{Meta: owner, ID: "vpce-1", Suffix: "abcd1234", Service: "com.amazonaws.ap-northeast-1.kinesis-streams", VPC: "vpc-1"}
	got := []string{e.RegionalName(), e.ZonalName("ap-northeast-1a"), e.PrivateName()}
	want := []string{
		"vpce-1-abcd1234.kinesis.ap-northeast-1.vpce.amazonaws.com",
		"vpce-1-abcd1234-ap-northeast-1a.kinesis.ap-northeast-1.vpce.amazonaws.com",
		"kinesis.ap-northeast-1.amazonaws.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, there := e, e
	there.VPC = "vpc-2"
	if e.PrivateZone() != again.PrivateZone() || e.PrivateZone() == there.PrivateZone() {
		t.Error("a private name has one zone in each VPC")
	}
}
