// SPDX-License-Identifier: Apache-2.0

// Package iam is the model of who: accounts, principals and their keys. It is
// pure: values and checks, no I/O, no clock.
package iam

import (
	"time"

	"enishi.dev/enishi/aws/arn"
)

// Account is an AWS account: twelve digits.
type Account struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"` // for people; no other account has it
	Created time.Time `json:"created"`
	// Furnished are the regions where it has been given what an account finds in
	// a region on its first day: what it deleted since is not made again.
	Furnished []string `json:"furnished,omitempty"`
}

// AccessKey signs requests for a principal.
type AccessKey struct {
	ID      string    `json:"id"`     // AKIA…
	Secret  string    `json:"secret"` // never leaves control
	Account string    `json:"account"`
	ARN     string    `json:"arn"`    // of the principal: arn:aws:iam::ACCOUNT:root
	UserID  string    `json:"userId"` // of the principal; the account for root
	Created time.Time `json:"created"`
}

// RootARN names an account's root, who may do everything in it.
func RootARN(account string) string {
	return arn.ARN{Partition: "aws", Service: "iam", Account: account, Resource: "root"}.String()
}
