// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"enishi.dev/enishi/agent"
)

func (s *story) withdraw(ctx context.Context) error {
	free, err := s.aws(ctx, "ec2 describe-subnets --subnet-ids {subnet-a} --query Subnets[0].AvailableIpAddressCount --output text")
	if err != nil {
		return err
	}
	// A connection that stays open until somebody ends it; then when, in seconds since the epoch.
	open := make(chan result, 1)
	script := "exec 3<>/dev/tcp/" + apiName + "/443 && touch " + s.path("connected") + "; cat <&3; date +%s.%N"
	go func() {
		r, _ := s.inside(ctx, "instance", "bash", "-c", strings.ReplaceAll(script, s.path("connected"), filepath.Dir(s.runDir)+"/connected"))
		open <- r
	}()
	if err := until(ctx, "an open connection", func() (bool, string, error) {
		_, err := os.Stat(filepath.Dir(s.runDir) + "/connected")
		return err == nil, "none", nil
	}); err != nil {
		return err
	}
	if _, err := s.aws(ctx, "ec2 delete-vpc-endpoints --vpc-endpoint-ids {endpoint} {endpoint-elb} --query Unsuccessful --output text"); err != nil {
		return err
	}
	deleted := time.Now()
	select {
	case r := <-open:
		if !strings.Contains(r.stderr, "reset by peer") {
			return fmt.Errorf("wanted the open connection reset, got: %s %s", r.stdout, r.stderr)
		}
		fmt.Fprintf(s.out, "     the open connection was reset\n")
	case <-time.After(time.Until(deleted.Add(time.Second))):
		return fmt.Errorf("wanted the open connection reset within 1 s of delete-vpc-endpoints, it is still open")
	}
	return s.together(ctx, (*story).noRoute, (*story).nameGone, func(s *story, ctx context.Context) error {
		return s.addressesFree(ctx, free)
	})
}

func (s *story) nameGone(ctx context.Context) error {
	r, err := s.inside(ctx, "instance", "getent", "ahostsv4", apiName)
	if err == nil && strings.Contains(r.stdout, "10.0.") {
		err = fmt.Errorf("wanted no private address for %s, got %s", apiName, r.stdout)
	}
	return err
}

// addressesFree waits until the first VPC's endpoints have no interfaces, and its first
// subnet more free addresses than it had.
func (s *story) addressesFree(ctx context.Context, had string) error {
	return until(ctx, "interfaces and addresses free again", func() (bool, string, error) {
		enis, err := s.aws(ctx, "ec2 describe-network-interfaces --filters Name=vpc-id,Values={vpc} Name=interface-type,Values=vpc_endpoint --query NetworkInterfaces[].NetworkInterfaceId --output text")
		if err != nil {
			return false, "", err
		}
		now, err := s.aws(ctx, "ec2 describe-subnets --subnet-ids {subnet-a} --query Subnets[0].AvailableIpAddressCount --output text")
		return enis == "" && now != had, fmt.Sprintf("interfaces %q, free addresses %s (%s before)", enis, now, had), err
	})
}

func (s *story) nothingLeft(ctx context.Context) error {
	pids := children(s.up.Process.Pid)
	fmt.Fprintf(s.out, "   $ kill %%1   # SIGTERM\n")
	if err := s.stop(); err != nil {
		return fmt.Errorf("wanted exit code 0, got %w", err)
	}
	for _, pid := range pids {
		if cmd, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(cmd, []byte(s.runDir)) {
			return fmt.Errorf("wanted no process left, got %d: %q", pid, cmd)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if bytes.Contains(mounts, []byte(s.runDir)) {
		return fmt.Errorf("wanted no mount left under %s, got some", s.runDir)
	}
	if _, err := os.Lstat(s.runDir); err == nil {
		return fmt.Errorf("wanted %s gone, it is there", s.runDir)
	}
	if groups, err := agent.GroupsLeft(s.runDir); err != nil || len(groups) > 0 {
		return fmt.Errorf("wanted no control group left, got %q, %v", groups, err)
	}
	fmt.Fprintln(s.out, "     no process, control group, mount, namespace or file is left")
	return nil
}

// children lists the processes below pid, at any depth.
func children(pid int) []int {
	parents := map[int]int{}
	procs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range procs {
		b, _ := os.ReadFile(p)
		i := bytes.LastIndexByte(b, ')')
		var self, parent int
		var state string
		if _, err := fmt.Sscanf(string(b), "%d", &self); err != nil || i < 0 {
			continue
		}
		if _, err := fmt.Sscanf(string(b[i+1:]), "%s %d", &state, &parent); err == nil {
			parents[self] = parent
		}
	}
	below := []int{pid}
	for i := 0; i < len(below); i++ {
		for self, parent := range parents {
			if parent == below[i] && !slices.Contains(below, self) {
				below = append(below, self)
			}
		}
	}
	return below[1:]
}
