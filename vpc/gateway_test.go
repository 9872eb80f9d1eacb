// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"testing"
)

func TestInternetGateways(t *testing.T) {
	v, other := VPC{ID: "vpc-1"}, VPC{ID: "vpc-2"}
	free, taken := InternetGateway{ID: "igw-1"}, InternetGateway{ID: "igw-2", VPC: "vpc-1"}
	t.Run("one is attached to one VPC, and a VPC has one", func(t *testing.T) {
		got, err := free.Attach(v, all[InternetGateway]())
		wantError(t, err, "")
		if got.VPC != v.ID || free.VPC != "" {
			t.Errorf("attached %v, before %v", got, free)
		}
		_, err = free.Attach(v, all(taken))
		wantError(t, err, "InvalidParameterValue: Network vpc-1 already has an internet gateway attached")
		_, err = taken.Attach(other, all[InternetGateway]())
		wantError(t, err, "Resource.AlreadyAssociated: resource igw-2 is already attached to network vpc-1")
	})
	t.Run("it is detached from where it is attached, and goes only then", func(t *testing.T) {
		_, err := taken.Detach(other, all[ENI]())
		wantError(t, err, "Gateway.NotAttached: resource igw-2 is not attached to network vpc-2")
		wantError(t, taken.CanDelete(), "DependencyViolation: The internetGateway 'igw-2' has dependencies and cannot be deleted.")
		public := ENI{Public: netip.MustParseAddr("198.19.0.1")}
		_, err = taken.Detach(v, all(ENI{}, public))
		wantError(t, err, "DependencyViolation: Network vpc-1 has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
		public.Withdrawn = true
		got, err := taken.Detach(v, all(ENI{}, public))
		wantError(t, err, "")
		wantError(t, got.CanDelete(), "")
	})
	t.Run("there are no more than the quota allows", func(t *testing.T) {
		limits := DefaultLimits()
		_, err := NewInternetGateway(counted(), limits, limits.Gateways, Meta{})
		wantError(t, err, "InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached.")
	})
}
