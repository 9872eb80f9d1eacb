// SPDX-License-Identifier: Apache-2.0

// Package elb holds the shapes of Classic Load Balancers' requests and answers. They
// are as AWS's reference has them, written by hand: of an account without any only
// one action has something to say, and the least of it.
package elb

import "strings"

// Version is the API version that requests name, under the same host and signing
// name as the version of package elbv2.
const Version = "2012-06-01"

// DescribeLoadBalancersInput asks for all, or for those with the names.
type DescribeLoadBalancersInput struct {
	LoadBalancerNames []string `q:"LoadBalancerNames"`
	Marker            *string  `q:"Marker"`
	PageSize          *int32   `q:"PageSize"`
}

// DescribeLoadBalancersOutput is a page of them.
type DescribeLoadBalancersOutput struct {
	LoadBalancerDescriptions []LoadBalancerDescription `x:"LoadBalancerDescriptions"`
	NextMarker               *string                   `x:"NextMarker"`
}

// LoadBalancerDescription is one load balancer.
type LoadBalancerDescription struct {
	LoadBalancerName *string `x:"LoadBalancerName"`
}

// Others returns the API's actions whose shapes this package does not have.
func Others() []string {
	return strings.Fields(`
		AddTags ApplySecurityGroupsToLoadBalancer AttachLoadBalancerToSubnets
		ConfigureHealthCheck CreateAppCookieStickinessPolicy
		CreateLBCookieStickinessPolicy CreateLoadBalancer
		CreateLoadBalancerListeners CreateLoadBalancerPolicy DeleteLoadBalancer
		DeleteLoadBalancerListeners DeleteLoadBalancerPolicy
		DeregisterInstancesFromLoadBalancer DescribeAccountLimits
		DescribeInstanceHealth DescribeLoadBalancerAttributes
		DescribeLoadBalancerPolicies DescribeLoadBalancerPolicyTypes DescribeTags
		DetachLoadBalancerFromSubnets DisableAvailabilityZonesForLoadBalancer
		EnableAvailabilityZonesForLoadBalancer ModifyLoadBalancerAttributes
		RegisterInstancesWithLoadBalancer RemoveTags
		SetLoadBalancerListenerSSLCertificate
		SetLoadBalancerPoliciesForBackendServer
		SetLoadBalancerPoliciesOfListener`)
}
