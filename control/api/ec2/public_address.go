// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"net/netip"

	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// publicOwner is whose public addresses are that instances get by themselves.
const publicOwner = "amazon"

// publicAddresses gives public addresses that nobody has, each once.
func publicAddresses(tx *store.Tx, c *api.Call) func() (netip.Addr, error) {
	given := map[netip.Addr]bool{}
	return func() (netip.Addr, error) {
		a, err := vpc.AllocatePublic(region.PublicAddresses, hint(c.RequestID), func(a netip.Addr) bool {
			for range tx.ENIs.By("public", a.String()) {
				return true
			}
			return given[a]
		})
		given[a] = true
		return a, err
	}
}

func publicName(v *store.View, e vpc.ENI) string {
	of, _ := v.VPCs.Get(string(e.VPC))
	return of.PublicName(e)
}

// wireAssociation is nil for an interface without a public address.
func wireAssociation(v *store.View, e vpc.ENI) *wire.NetworkInterfaceAssociation {
	if !e.Public.IsValid() {
		return nil
	}
	return &wire.NetworkInterfaceAssociation{IpOwnerId: new(publicOwner), PublicDnsName: new(publicName(v, e)), PublicIp: new(e.Public.String())}
}

// publicFilters are those on public addresses of interfaces.
func publicFilters(v *store.View) filters[vpc.ENI] {
	public := func(text func(vpc.ENI) string) func(vpc.ENI) []string {
		return func(e vpc.ENI) []string {
			if !e.Public.IsValid() {
				return nil
			}
			return []string{text(e)}
		}
	}
	f := filters[vpc.ENI]{}
	for name, values := range map[string]func(vpc.ENI) []string{
		"ip-owner-id":     public(func(vpc.ENI) string { return publicOwner }),
		"public-dns-name": public(func(e vpc.ENI) string { return publicName(v, e) }),
		"public-ip":       public(func(e vpc.ENI) string { return e.Public.String() }),
	} {
		f["association."+name], f["addresses.association."+name] = values, values
	}
	return f
}
