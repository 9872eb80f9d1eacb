// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"strings"

	"enishi.dev/enishi/aws/arn"
	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/control/api"
)

// kind is one kind of what the API is about.
type kind struct {
	resource string // as ARNs have it
	words    string // as messages have it
	missing  string // the code for what is not there
}

var (
	loadBalancer = kind{"loadbalancer", "load balancer", "LoadBalancerNotFound"}
	targetGroup  = kind{"targetgroup", "target group", "TargetGroupNotFound"}
)

// check refuses what cannot be the ARN of something of the kind that the caller
// has in the region.
func (k kind) check(c *api.Call, s string) error {
	a, ok := arn.Parse(s)
	rest, of := strings.CutPrefix(a.Resource, k.resource+"/")
	if !ok || !of || rest == "" || a.Service != c.Service || a.Region != c.Region || a.Account != c.Account {
		return invalid("'%s' is not a valid %s ARN", s, k.words)
	}
	return nil
}

func (k kind) notFound() error { return awserr.New(k.missing, "One or more %ss not found", k.words) }

func invalid(format string, args ...any) error { return awserr.New("ValidationError", format, args...) }
