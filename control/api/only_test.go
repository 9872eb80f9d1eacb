// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	wire "enishi.dev/enishi/aws/wire/ec2"
)

func TestOnly(t *testing.T) {
	type in = wire.CreateVpcInput
	for _, c := range []struct {
		name string
		in   *in
		want string
	}{
		{"what is named is fine", &in{CidrBlock: new("10.0.0.0/16")}, ""},
		{"DryRun is always fine", &in{DryRun: new(true)}, ""},
		{"false asks for nothing", &in{AmazonProvidedIpv6CidrBlock: new(false)}, ""},
		{"a structure of nothing asks for nothing", &in{VpcEncryptionControl: &wire.VpcEncryptionControlConfiguration{}}, ""},
		{"true asks for something", &in{AmazonProvidedIpv6CidrBlock: new(true)}, "UnsupportedOperation: The parameter AmazonProvidedIpv6CidrBlock is not supported."},
		{"a string does, even an empty one", &in{Ipv6Pool: new("")}, "UnsupportedOperation: The parameter Ipv6Pool is not supported."},
		{"a word of a list of words does", &in{InstanceTenancy: "default"}, "UnsupportedOperation: The parameter InstanceTenancy is not supported."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := Only(c.in, "CidrBlock"); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
