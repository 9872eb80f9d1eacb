// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"context"
	"strings"

	"enishi.dev/enishi/aws/arn"
	shapes "enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/control/api"
)

// mostDescribed is how many resources DescribeTags takes at once.
const mostDescribed = 20

// tagged are the kinds of what can have tags.
func tagged() []kind {
	return []kind{
		loadBalancer, targetGroup,
		{"listener", "listener", "ListenerNotFound"}, {"listener-rule", "rule", "RuleNotFound"}, {"truststore", "trust store", "TrustStoreNotFound"},
	}
}

// describeTags answers as describeLoadBalancers does: whatever is named is not found.
func describeTags(_ context.Context, c *api.Call, in *shapes.DescribeTagsInput) (*shapes.DescribeTagsOutput, error) {
	if len(in.ResourceArns) > mostDescribed {
		return nil, invalid("Cannot have more than %d resources described", mostDescribed)
	}
	var missing error // what the first is not; a list without any is refused before
	for _, named := range in.ResourceArns {
		k, ok := kindOf(named)
		if !ok {
			return nil, invalid("'%s' is not a valid ARN", named)
		}
		if err := k.check(c, named); err != nil {
			return nil, err
		}
		if missing == nil {
			missing = k.notFound()
		}
	}
	return nil, missing
}

// kindOf is what the ARN is of.
func kindOf(s string) (kind, bool) {
	a, _ := arn.Parse(s)
	of, _, _ := strings.Cut(a.Resource, "/")
	for _, k := range tagged() {
		if k.resource == of {
			return k, true
		}
	}
	return kind{}, false
}
