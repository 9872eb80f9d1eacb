// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
)

func (s *Server) monitorInstances(ctx context.Context, c *api.Call, in *wire.MonitorInstancesInput) (*wire.MonitorInstancesOutput, error) {
	all, err := s.monitor(ctx, c, in.InstanceIds, true, "pending")
	return &wire.MonitorInstancesOutput{InstanceMonitorings: all}, err
}

func (s *Server) unmonitorInstances(ctx context.Context, c *api.Call, in *wire.UnmonitorInstancesInput) (*wire.UnmonitorInstancesOutput, error) {
	all, err := s.monitor(ctx, c, in.InstanceIds, false, "disabling")
	return &wire.UnmonitorInstancesOutput{InstanceMonitorings: all}, err
}

// monitor keeps what is wanted of all the instances, or of none, and answers the state
// that AWS is in meanwhile.
func (s *Server) monitor(ctx context.Context, c *api.Call, ids []string, on bool, meanwhile wire.MonitoringState) (all []wire.InstanceMonitoring, err error) {
	err = s.store.Decide(ctx, func(tx *store.Tx) error {
		rows, err := instancesByID(tx.View.Instances, c, tx.Now(), ids)
		if err != nil {
			return err
		}
		for _, i := range rows {
			i.Monitored = on
			tx.Instances.Put(i)
			all = append(all, wire.InstanceMonitoring{InstanceId: new(string(i.ID)), Monitoring: &wire.Monitoring{State: meanwhile}})
		}
		return nil
	})
	return all, err
}
