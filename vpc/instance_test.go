// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func launchSpec(n int) (InstanceSpec, InstanceFacts) {
	subnet := Subnet{ID: "subnet-1", VPC: "vpc-1", Zone: "ap-northeast-1a", CIDR: cidr("10.0.1.0/28")}
	hosts := 0
	return InstanceSpec{
			Owner: owner, ENITags: map[string]string{"Name": "eth0"}, Image: "ami-0123456789abcdef0", Type: "t3.micro", KeyName: "mine", Subnet: subnet,
			Description: "front", UserData: []byte("#!/bin/sh\n"), ClientToken: "once", Min: n, Max: n,
		}, InstanceFacts{
			VPC: VPC{ID: "vpc-1", DefaultGroup: "sg-default"},
			Group: func(id SecurityGroupID) (SecurityGroup, error) {
				switch id {
				case web:
					return SecurityGroup{VPC: "vpc-1"}, nil
				case other:
					return SecurityGroup{VPC: "vpc-2"}, nil
				}
				return SecurityGroup{}, SecurityGroupIDs.NotFound(string(id))
			},
			Used:  map[netip.Addr]bool{},
			Place: func() (string, bool) { hosts++; return []string{"one", "two"}[(hosts-1)%2], true },
		}
}

func TestLaunch(t *testing.T) {
	t.Run("each instance has an interface, a host and a number in the reservation", func(t *testing.T) {
		s, w := launchSpec(2)
		all, err := Launch(counted(), DefaultLimits(), w, s)
		wantError(t, err, "")
		tagged, interfaceTagged := made, made
		tagged.Tags, interfaceTagged.Tags = owner.Tags, s.ENITags
		want := func(n int, address, host string) Launched {
			i := Instance{
				Meta: tagged, ID: InstanceID(id("i", n)), Reservation: ReservationID(id("r", 1)), Image: s.Image, Type: "t3.micro", KeyName: "mine",
				VPC: "vpc-1", Subnet: "subnet-1", Zone: "ap-northeast-1a", ENIs: []ENIID{ENIID(id("eni", n))}, Host: host,
				UserData: []byte("#!/bin/sh\n"), ClientToken: "once", LaunchIndex: n - 1, PowerWanted: PowerOn,
			}
			return Launched{i, []ENI{{
				Meta: interfaceTagged, ID: i.ENIs[0], Number: uint32(n), VPC: "vpc-1", Subnet: "subnet-1", Zone: "ap-northeast-1a", MAC: macOf(uint32(n)),
				Addresses: []netip.Addr{netip.MustParseAddr(address)}, Groups: []SecurityGroupID{"sg-default"}, Type: "interface", Description: "front",
				Attachment: &Attachment{ID: id("eni-attach", n), Instance: i.ID, DeleteOnTermination: true, At: now},
			}}}
		}
		if diff := cmp.Diff([]Launched{want(1, "10.0.1.4", "one"), want(2, "10.0.1.5", "two")}, all, comparePrefixes); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	for _, c := range []struct {
		name   string
		change func(*InstanceSpec, *InstanceFacts)
		limit  int
		want   int // instances
		err    string
	}{
		{"as many as are asked for", func(s *InstanceSpec, _ *InstanceFacts) { s.Max = 3 }, 1000, 3, ""},
		{"as many as there are addresses for", func(s *InstanceSpec, _ *InstanceFacts) { s.Max = 100 }, 1000, 11, ""},
		{"as many as the quota allows", func(s *InstanceSpec, w *InstanceFacts) { s.Max, w.Have = 100, 3 }, 5, 2, ""},
		{"as many as there are hosts for", func(s *InstanceSpec, w *InstanceFacts) {
			left := 2
			s.Max, w.Place = 5, func() (string, bool) { left--; return "one", left >= 0 }
		}, 1000, 2, ""},
		{"a further address that the first one would have been given", func(s *InstanceSpec, _ *InstanceFacts) { s.Secondary = []string{"10.0.1.4"} }, 1000, 1, ""},
		{"fewer addresses than needed", func(s *InstanceSpec, _ *InstanceFacts) { s.Min, s.Max = 12, 12 }, 1000, 0,
			"InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."},
		{"more than the quota allows", func(s *InstanceSpec, w *InstanceFacts) { s.Min, s.Max, w.Have = 3, 3, 3 }, 5, 0,
			"InstanceLimitExceeded: Your quota allows for 2 more running instance(s). You requested at least 3"},
		{"no host", func(_ *InstanceSpec, w *InstanceFacts) { w.Place = func() (string, bool) { return "", false } }, 1000, 0,
			"InsufficientInstanceCapacity: We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (ap-northeast-1a)."},
		{"none", func(s *InstanceSpec, _ *InstanceFacts) { s.Min = 0 }, 1000, 0, "InvalidParameterValue: Value (0) for parameter minCount is invalid. Minimum is 1."},
		{"more at least than at most", func(s *InstanceSpec, _ *InstanceFacts) { s.Min, s.Max = 2, 1 }, 1000, 0, "InvalidParameterCombination: The parameter minCount (2) is larger than maxCount (1)."},
		{"one address for two", func(s *InstanceSpec, _ *InstanceFacts) { s.Max, s.Address = 2, "10.0.1.9" }, 1000, 0,
			"InvalidParameterCombination: You cannot specify a private IP address for more than one instance."},
		{"an address that is in use", func(s *InstanceSpec, w *InstanceFacts) {
			s.Address = "10.0.1.9"
			w.Used[netip.MustParseAddr("10.0.1.9")] = true
		}, 1000, 0, "InvalidIPAddress.InUse: Address 10.0.1.9 is in use."},
		{"groups, each once", func(s *InstanceSpec, _ *InstanceFacts) { s.Groups = []SecurityGroupID{web, web} }, 1000, 1, ""},
		{"more groups than an interface has", func(s *InstanceSpec, _ *InstanceFacts) { s.Groups = sixGroups }, 1000, 0, "SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached."},
		{"a group of another VPC", func(s *InstanceSpec, _ *InstanceFacts) { s.Groups = []SecurityGroupID{other} }, 1000, 0,
			"InvalidParameter: Security group sg-other and subnet subnet-1 belong to different networks."},
		{"a group that there is not", func(s *InstanceSpec, _ *InstanceFacts) { s.Groups = []SecurityGroupID{"sg-x"} }, 1000, 0,
			"InvalidGroup.NotFound: The security group 'sg-x' does not exist"},
		{"an image id of another form", func(s *InstanceSpec, _ *InstanceFacts) { s.Image = "ami-x" }, 1000, 0, `InvalidAMIID.Malformed: Invalid id: "ami-x" (expecting "ami-...")`},
		{"an old image id", func(s *InstanceSpec, _ *InstanceFacts) { s.Image = "ami-00000000" }, 1000, 1, ""},
		{"a type that is none", func(s *InstanceSpec, _ *InstanceFacts) { s.Type = "t3.enormous" }, 1000, 0, "InvalidParameterValue: Invalid value 't3.enormous' for InstanceType."},
		{"a type that is not offered", func(s *InstanceSpec, _ *InstanceFacts) { s.Type = "u-6tb1.56xlarge" }, 1000, 0, "InvalidParameterValue: Invalid value 'u-6tb1.56xlarge' for InstanceType."},
		{"the largest type", func(s *InstanceSpec, _ *InstanceFacts) { s.Type = "m7i.48xlarge" }, 1000, 1, ""},
		{"the most user data", func(s *InstanceSpec, _ *InstanceFacts) { s.UserData = []byte(strings.Repeat("x", 16384)) }, 1000, 1, ""},
		{"a shutdown behaviour that is none", func(s *InstanceSpec, _ *InstanceFacts) { s.ShutdownBehavior = "hibernate" }, 1000, 0,
			"InvalidParameterValue: Value (hibernate) for parameter instanceInitiatedShutdownBehavior is invalid. Unknown shutdown behavior."},
		{"too much user data", func(s *InstanceSpec, _ *InstanceFacts) { s.UserData = []byte(strings.Repeat("x", 16385)) }, 1000, 0, "InvalidUserData.Malformed: User data is limited to 16384 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := launchSpec(1)
			c.change(&s, &w)
			limits := DefaultLimits()
			limits.Instances = c.limit
			all, err := Launch(counted(), limits, w, s)
			wantError(t, err, c.err)
			if len(all) != c.want {
				t.Errorf("%d instances, want %d", len(all), c.want)
			}
			taken := map[netip.Addr]bool{}
			for _, l := range all {
				taken[l.ENIs[0].Addresses[0]] = true
			}
			if len(taken) != len(all) {
				t.Errorf("%d addresses for %d instances", len(taken), len(all))
			}
		})
	}
}
