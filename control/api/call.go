// SPDX-License-Identifier: Apache-2.0

package api

import (
	"enishi.dev/enishi/aws/arn"
	"enishi.dev/enishi/hoststate"
)

// Caller is who signed a request.
type Caller struct {
	Account     string
	ARN         string // of the principal
	UserID      string // of the principal
	AccessKeyID string
}

// Call is one request whose signature holds.
type Call struct {
	Caller
	Service   string // ec2, as the signature's scope has it
	Region    string // that of the signature's scope
	Action    string
	RequestID string
	Facts     hoststate.Facts
}

// Owner is the key of the store's "account" indexes for what the caller owns
// in the region.
func (c *Call) Owner() string { return c.Account + "/" + c.Region }

// Resource is the ARN of one of the caller's resources in the region.
func (c *Call) Resource(kind, id string) string {
	return arn.ARN{Partition: "aws", Service: c.Service, Region: c.Region, Account: c.Account, Resource: kind + "/" + id}.String()
}

// Scope separates the ClientTokens of different callers, regions and actions.
func (c *Call) Scope() string { return c.Owner() + "/" + c.Service + ":" + c.Action }
