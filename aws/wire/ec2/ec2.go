// SPDX-License-Identifier: Apache-2.0

// Package ec2 holds the shapes of EC2's requests and answers, as the official
// SDK has them. actions.txt lists the actions.
package ec2

//go:generate go run ../gen ec2 ../sdktest actions.txt ../ec2/zz_types.go

// Version is the API version that requests name.
const Version = "2016-11-15"
