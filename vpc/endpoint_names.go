// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

// RegionAndService is where the endpoint leads.
func (e Endpoint) RegionAndService() (region.Region, region.Service) {
	r, _ := region.Of(e.Region)
	s, _ := r.ServiceOf(e.Service)
	return r, s
}

// RegionalName leads to all of the endpoint's interfaces (reference 1.5).
func (e Endpoint) RegionalName() string {
	r, s := e.RegionAndService()
	return string(e.ID) + "-" + e.Suffix + "." + r.BaseName(s)
}

// ZonalName leads to the endpoint's interface in the zone.
func (e Endpoint) ZonalName(zone string) string {
	r, s := e.RegionAndService()
	return string(e.ID) + "-" + e.Suffix + "-" + zone + "." + r.BaseName(s)
}

// PrivateName is the service's public name, which the endpoint takes over in its
// VPC when it has private DNS.
func (e Endpoint) PrivateName() string {
	r, s := e.RegionAndService()
	return r.PrivateName(s)
}

// PrivateZone is the id of the hidden zone that holds the private name.
func (e Endpoint) PrivateZone() string {
	sum := sha256.Sum256([]byte(string(e.VPC) + " " + e.PrivateName()))
	return "Z0" + strings.ToUpper(hex.EncodeToString(sum[:9]))
}

// checkPrivateDNS holds the endpoint against what private DNS needs (reference 1.6).
func (e Endpoint) checkPrivateDNS(w EndpointFacts) error {
	if !e.PrivateDNS {
		return nil
	}
	if !w.VPC.DNSSupport || !w.VPC.DNSHostnames {
		return awserr.New("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for %s", e.VPC)
	}
	for other := range w.Siblings {
		// One that is being deleted holds its name until it has gone, as at AWS.
		if other.ID != e.ID && other.PrivateDNS && other.Status.Gone.IsZero() && other.PrivateName() == e.PrivateName() {
			return awserr.New("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s", e.PrivateName(), e.VPC)
		}
	}
	return nil
}
