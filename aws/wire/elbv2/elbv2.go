// SPDX-License-Identifier: Apache-2.0

// Package elbv2 holds the shapes of Elastic Load Balancing's requests and
// answers, as the official SDK has them. actions.txt lists the actions.
package elbv2

//go:generate go run ../gen elasticloadbalancingv2 ../sdktest actions.txt ../elbv2/zz_types.go

import "strings"

// Version is the API version that requests name. Classic load balancers have
// another one, 2012-06-01, under the same host and signing name.
const Version = "2015-12-01"

// Others returns the API's actions whose shapes this package does not have.
func Others() []string {
	return strings.Fields(`
		AddListenerCertificates AddTags AddTrustStoreRevocations CreateListener
		CreateLoadBalancer CreateRule CreateTargetGroup CreateTrustStore
		DeleteListener DeleteLoadBalancer DeleteRule
		DeleteSharedTrustStoreAssociation DeleteTargetGroup DeleteTrustStore
		DeregisterTargets DescribeCapacityReservation DescribeListenerAttributes
		DescribeListenerCertificates DescribeListeners
		DescribeLoadBalancerAttributes DescribeRules DescribeSSLPolicies
		DescribeTargetGroupAttributes DescribeTargetHealth
		DescribeTrustStoreAssociations DescribeTrustStoreRevocations
		DescribeTrustStores GetResourcePolicy GetTrustStoreCaCertificatesBundle
		GetTrustStoreRevocationContent ModifyCapacityReservation ModifyIpPools
		ModifyListener ModifyListenerAttributes ModifyLoadBalancerAttributes
		ModifyRule ModifyTargetGroup ModifyTargetGroupAttributes ModifyTrustStore
		RegisterTargets RemoveListenerCertificates RemoveTags
		RemoveTrustStoreRevocations SetIpAddressType SetRulePriorities
		SetSecurityGroups SetSubnets`)
}
