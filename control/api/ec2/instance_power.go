// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strings"
	"time"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// power wants another state of all the caller's instances with the ids, or of none.
func (s *Server) power(ctx context.Context, c *api.Call, ids []string, to func(i vpc.Instance, now time.Time) (vpc.Instance, error)) (changes []wire.InstanceStateChange, err error) {
	err = s.store.Decide(ctx, func(tx *store.Tx) error {
		rows, err := instancesByID(tx.View.Instances, c, tx.Now(), ids)
		if err != nil {
			return err
		}
		changes = []wire.InstanceStateChange{}
		for _, i := range rows {
			after, err := to(i, tx.Now())
			if err != nil {
				return err
			}
			if err := powered(tx, c, after, i.PowerWanted); err != nil {
				return err
			}
			tx.Instances.Put(after)
			changes = append(changes, wire.InstanceStateChange{
				CurrentState: wireState(after), InstanceId: new(string(i.ID)), PreviousState: wireState(i),
			})
		}
		return nil
	})
	return changes, err
}

// powered gives the instance's first interface a public address, or takes it, if the
// instance was wanted off or on before.
func powered(tx *store.Tx, c *api.Call, i vpc.Instance, before vpc.Power) error {
	e, ok := tx.ENIs.Get(string(i.ENIs[0]))
	if !ok || !e.WantsPublic || i.PowerWanted == before || i.PowerWanted == vpc.PowerTerminated {
		return nil
	}
	e, err := e.Powered(i.PowerWanted == vpc.PowerOn, publicAddresses(tx, c))
	if err == nil {
		tx.ENIs.Put(e)
	}
	return err
}

func (s *Server) terminateInstances(ctx context.Context, c *api.Call, in *wire.TerminateInstancesInput) (*wire.TerminateInstancesOutput, error) {
	if err := api.Only(in, "InstanceIds"); err != nil {
		return nil, err
	}
	changes, err := s.power(ctx, c, in.InstanceIds, func(i vpc.Instance, _ time.Time) (vpc.Instance, error) { return i.Terminate() })
	return &wire.TerminateInstancesOutput{TerminatingInstances: changes}, err
}

func (s *Server) stopInstances(ctx context.Context, c *api.Call, in *wire.StopInstancesInput) (*wire.StopInstancesOutput, error) {
	// Force and SkipOsShutdown ask for what happens anyway: processes are killed.
	if err := api.Only(in, "InstanceIds", "Force", "SkipOsShutdown"); err != nil {
		return nil, err
	}
	changes, err := s.power(ctx, c, in.InstanceIds, func(i vpc.Instance, _ time.Time) (vpc.Instance, error) { return i.Stop() })
	return &wire.StopInstancesOutput{StoppingInstances: changes}, err
}

func (s *Server) startInstances(ctx context.Context, c *api.Call, in *wire.StartInstancesInput) (*wire.StartInstancesOutput, error) {
	if err := api.Only(in, "InstanceIds"); err != nil {
		return nil, err
	}
	changes, err := s.power(ctx, c, in.InstanceIds, vpc.Instance.Start)
	return &wire.StartInstancesOutput{StartingInstances: changes}, err
}

func (s *Server) rebootInstances(ctx context.Context, c *api.Call, in *wire.RebootInstancesInput) (*wire.RebootInstancesOutput, error) {
	_, err := s.power(ctx, c, in.InstanceIds, func(i vpc.Instance, _ time.Time) (vpc.Instance, error) { return i.Reboot() })
	return new(wire.RebootInstancesOutput), err
}

// instancesByID returns the caller's instances with the ids, by id, each once,
// or an error that names all of them that there are not.
func instancesByID(t store.Table[vpc.Instance], c *api.Call, now time.Time, ids []string) (rows []vpc.Instance, err error) {
	var missing []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if _, err := vpc.ParseID[string](vpc.InstanceIDs, id); err != nil {
			return nil, err
		}
		i, ok := t.Get(id)
		if !ok || !owns(c, i) || i.Forgotten(now) {
			missing = append(missing, id)
			continue
		}
		rows = append(rows, i)
	}
	switch len(missing) {
	case 0:
		return rows, nil
	case 1:
		return nil, vpc.InstanceIDs.NotFound(missing[0])
	}
	return nil, awserr.New("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(missing, ", "))
}
