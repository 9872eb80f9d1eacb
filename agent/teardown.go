// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/instance/cgroup"
)

// Teardown removes everything that agents with the run directory have made:
// processes and their control groups, namespaces with their links, what is pinned,
// mounts and files. It needs no agent, may be called again, and finds nothing to do then.
func Teardown(runDir string) error {
	l := layout(runDir)
	ids, err := l.instanceIDs()
	if err != nil {
		return fmt.Errorf("list instances: %w", err)
	}
	var killed errgroup.Group
	for _, id := range ids {
		killed.Go(func() error {
			i, err := instance.Adopt(l.instance(id))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				err = i.Kill()
			}
			if err != nil {
				return fmt.Errorf("end instance %s: %w", id, err)
			}
			return nil
		})
	}
	// Without the processes, the mounts hold all the rest: namespaces and what is
	// pinned, and through them links and programs.
	if err := killed.Wait(); err != nil {
		return err
	}
	busy := cgroup.Remove(l.groups()) // somebody may have put a process of his there
	if err := removeTunnel(l); err != nil {
		return errors.Join(busy, err)
	}
	return errors.Join(busy, l.remove())
}
