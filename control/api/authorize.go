// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/iam"
)

// authorize decides whether the caller may do the action to the resources. It is
// the one place where that is asked. The root of an account may do everything in
// its account; nobody else has permissions, as there are no policies yet.
func authorize(c *Call, action string, resources []string) error {
	if c.ARN == iam.RootARN(c.Account) {
		return nil
	}
	return awserr.New("UnauthorizedOperation",
		"You are not authorized to perform this operation. User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		c.ARN, action, strings.Join(resources, ", "), action)
}
