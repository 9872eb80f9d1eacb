// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/url"
	"path/filepath"

	"enishi.dev/enishi/instance/cgroup"
)

// OpenGroups makes or finds the control groups for what runs with the run directory.
func OpenGroups(runDir string) (*cgroup.Tree, error) { return cgroup.Open(layout(runDir).groups()) }

// GroupsLeft lists the control groups that agents with the run directory have made
// and that are there: none after [Teardown].
func GroupsLeft(runDir string) ([]string, error) { return cgroup.Left(layout(runDir).groups()) }

// groups is the name of the control groups of parts and instances: those of each run
// directory have one of their own.
func (l layout) groups() string {
	path, err := filepath.Abs(string(l))
	if err != nil {
		path = string(l)
	}
	return "enishi-" + url.PathEscape(path)
}
