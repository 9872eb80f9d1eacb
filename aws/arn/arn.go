// SPDX-License-Identifier: Apache-2.0

// Package arn reads and writes Amazon Resource Names. It knows their form, and
// nothing of what they name.
package arn

import "strings"

// ARN is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE. Region and account are
// empty for what belongs to none.
type ARN struct {
	Partition string // aws
	Service   string
	Region    string
	Account   string
	Resource  string // vpc/vpc-0123: the rest, colons and all
}

// Parse returns what s names, and whether s has the form of an ARN.
func Parse(s string) (ARN, bool) {
	f := strings.SplitN(s, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || f[2] == "" || f[5] == "" {
		return ARN{}, false
	}
	return ARN{Partition: f[1], Service: f[2], Region: f[3], Account: f[4], Resource: f[5]}, true
}

func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}
