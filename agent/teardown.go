// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/netns"
)

// Teardown removes everything that agents with the run directory have made:
// processes, namespaces with their links, what is pinned, mounts and files. It
// needs no agent, may be called again, and finds nothing to do then.
func Teardown(runDir string) error {
	l := layout(runDir)
	var errs []error
	for _, id := range l.instanceIDs() {
		i, err := instance.Adopt(l.instance(id))
		switch {
		case err == nil:
			errs = append(errs, i.Kill())
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("instance %s: %w", id, err))
		}
	}
	// The links that carry the programs go with their namespaces, the rest with its pins.
	names, err := netns.List(l.namespaces())
	errs = append(errs, err)
	for _, name := range names {
		errs = append(errs, netns.Remove(l.namespace(name)))
	}
	errs = append(errs, l.unmountPins())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.Remove(l.handover()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(l.state())
}
