// SPDX-License-Identifier: Apache-2.0

// Package sts is the Security Token Service's API: who am I. It knows nothing of
// networks.
package sts

import (
	"context"

	"enishi.dev/enishi/aws/wire"
	shapes "enishi.dev/enishi/aws/wire/sts"
	"enishi.dev/enishi/control/api"
)

// Service is the service's place in the whole API.
func Service() api.Service {
	return api.Service{Name: "sts", Version: shapes.Version, Protocol: wire.STS, Actions: actions()}
}

func actions() map[string]api.Action {
	return map[string]api.Action{
		"GetCallerIdentity": api.Handle("sts:GetCallerIdentity", getCallerIdentity),
	}
}

func getCallerIdentity(_ context.Context, c *api.Call, _ *shapes.GetCallerIdentityInput) (*shapes.GetCallerIdentityOutput, error) {
	return &shapes.GetCallerIdentityOutput{Account: new(c.Account), Arn: new(c.ARN), UserId: new(c.UserID)}, nil
}
