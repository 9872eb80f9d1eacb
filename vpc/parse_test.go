// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"regexp"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	for _, c := range []struct {
		name string
		kind IDKind
		in   string
		want string
	}{
		{"seventeen digits", VPCIDs, "vpc-0123456789abcdef0", ""},
		{"eight digits, as old ids have", SubnetIDs, "subnet-0123abcd", ""},
		{"upper case", VPCIDs, "vpc-0123456789ABCDEF0", "InvalidVpcId.Malformed: The vpc ID vpc-0123456789ABCDEF0 is malformed"},
		{"another kind", SecurityGroupIDs, "vpc-0123456789abcdef0", `InvalidGroupId.Malformed: Invalid id: "vpc-0123456789abcdef0" (expecting "sg-...")`},
		{"a digit too few", InstanceIDs, "i-0123456789abcdef", `InvalidInstanceID.Malformed: Invalid id: "i-0123456789abcdef" (expecting "i-...")`},
		{"nothing", ENIIDs, "", `InvalidNetworkInterfaceId.Malformed: Invalid id: "" (expecting "eni-...")`},
		{"in the calls on endpoints", EndpointSubnetIDs, "web", "InvalidSubnetId.Malformed: Invalid Subnet Id: 'web' (expecting 'subnet-...; the Id may only contain lowercase alphanumeric characters and a single dash')"},
		{"an endpoint", EndpointIDs, "rtb-0123abcd", "InvalidVpcEndpointId.Malformed: Invalid Id: 'rtb-0123abcd' (expecting 'vpce-...; the Id may only contain lowercase alphanumeric characters and a single dash')"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := ParseID[ID](c.kind, c.in)
			wantError(t, err, c.want)
			if err == nil && string(id) != c.in {
				t.Error(id)
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	wantError(t, VPCIDs.NotFound("vpc-1"), "InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist")
	wantError(t, EndpointVPCIDs.NotFound("vpc-1"), "InvalidVpcId.NotFound: The VPC ID 'vpc-1' does not exist")
	wantError(t, SecurityGroupIDs.NotFound("sg-1"), "InvalidGroup.NotFound: The security group 'sg-1' does not exist")
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"vpc-0123456789abcdef0", "vpc-0123abcd", "vpc-", "vpce-0123abcd", "vpc-0123abcg", "", "vpc-%s"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)
	f.Fuzz(func(t *testing.T, s string) {
		_, err := ParseID[VPCID](VPCIDs, s)
		if (err == nil) != form.MatchString(s) || strings.HasSuffix(s, "\n") && err == nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzParseCIDR(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "100.68.0.18/18", "::ffff:10.0.0.0/104", "fd00::1/8", "10.0.0.0", "1.2.3.4/33", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseCIDR("x", s)
		if err != nil {
			return
		}
		again, err := ParseCIDR("x", p.String())
		if err != nil || again != p || p.Masked() != p || p.Addr().Is4In6() {
			t.Errorf("%q: %s, then %s, %v", s, p, again, err)
		}
	})
}

func FuzzParseProtocol(f *testing.F) {
	for _, seed := range []string{"tcp", "ALL", "-1", "255", "256", "06", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseProtocol(s)
		if err != nil {
			return
		}
		if again, err := ParseProtocol(ProtocolName(p)); err != nil || again != p || p < -1 || p > 255 {
			t.Errorf("%q: %d, then %d, %v", s, p, again, err)
		}
	})
}
