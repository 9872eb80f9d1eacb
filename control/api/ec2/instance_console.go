// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/base64"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

// getConsoleOutput answers the newest there is, whether Latest is asked for or not.
func (s *Server) getConsoleOutput(_ context.Context, c *api.Call, in *wire.GetConsoleOutputInput) (*wire.GetConsoleOutputOutput, error) {
	i, err := needInstance(s.store.View(), c, s, in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &wire.GetConsoleOutputOutput{InstanceId: in.InstanceId, Timestamp: new(i.LaunchTime())}
	if !i.Status.ConsoleAt.IsZero() {
		out.Timestamp = new(i.Status.ConsoleAt)
		out.Output = new(base64.StdEncoding.EncodeToString(i.Status.Console))
	}
	return out, nil
}
