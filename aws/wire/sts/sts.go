// SPDX-License-Identifier: Apache-2.0

// Package sts holds the shapes of the Security Token Service's requests and
// answers, as the official SDK has them. actions.txt lists the actions.
package sts

//go:generate go run ../gen sts ../sdktest actions.txt ../sts/zz_types.go

// Version is the API version that requests name.
const Version = "2011-06-15"
