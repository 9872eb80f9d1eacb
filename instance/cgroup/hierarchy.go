// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hierarchies is where the machine's control groups are.
type hierarchies struct {
	shares  string                                    // where processors are shared out
	counts  string                                    // where their time is counted: the same, but maybe in version 1
	weight  string                                    // the file of a group's weight
	usual   int                                       // what is in it
	unified bool                                      // version 2
	usage   func(group string) (time.Duration, error) // of the directory in counts, with all below it
}

var errNone = errors.New("no control groups that share out processors are mounted")

// find looks for them among the mounts (proc_pid_mountinfo(5)).
func find(mountinfo string) (h hierarchies, err error) {
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		sep := slices.Index(f, "-")
		if sep < 6 || len(f) < sep+4 {
			continue
		}
		at, kind, options := f[4], f[sep+1], strings.Split(f[sep+3], ",")
		switch kind {
		case "cgroup2":
			controllers, err := os.ReadFile(filepath.Join(at, "cgroup.controllers"))
			if err == nil && slices.Contains(strings.Fields(string(controllers)), "cpu") {
				return hierarchies{shares: at, counts: at, weight: "cpu.weight", usual: 100, unified: true, usage: usageOfVersion2}, nil
			}
		case "cgroup":
			if slices.Contains(options, "cpu") {
				h.shares, h.weight, h.usual = at, "cpu.shares", 1024
			}
			if slices.Contains(options, "cpuacct") {
				h.counts, h.usage = at, usageOfVersion1
			}
		}
	}
	if h.shares == "" || h.counts == "" {
		return h, errNone
	}
	return h, nil
}

func (h hierarchies) all() []string { return slices.Compact([]string{h.shares, h.counts}) }

// usageOfVersion1 is of Documentation/admin-guide/cgroup-v1/cpuacct.rst.
func usageOfVersion1(group string) (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(group, "cpuacct.usage"))
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return time.Duration(ns), err
}

// usageOfVersion2 is of Documentation/admin-guide/cgroup-v2.rst.
func usageOfVersion2(group string) (time.Duration, error) {
	path := filepath.Join(group, "cpu.stat")
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if us, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(us), 10, 64)
			return time.Duration(n) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("%s: no usage_usec", path)
}
