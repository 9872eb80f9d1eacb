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
		{"an empty string asks for nothing: Terraform sends some", &in{Ipv6Pool: new("")}, ""},
		{"another string does", &in{Ipv6Pool: new("x")}, "UnsupportedOperation: The parameter Ipv6Pool is not supported."},
		{"a number does, even 0", &in{Ipv6NetmaskLength: new(int32(0))}, "UnsupportedOperation: The parameter Ipv6NetmaskLength is not supported."},
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
