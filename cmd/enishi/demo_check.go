// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// dropped is how many packets of the named VPC were refused for reason.
func (s *story) dropped(ctx context.Context, vpc, reason string) (uint64, error) {
	st, err := s.readStatus(ctx)
	for _, d := range st.Agent.Drops {
		if d.Network == s.vars[vpc] && d.Reason == reason {
			return d.Packets, err
		}
	}
	return 0, err
}

// timesOut runs the command in an instance and wants a connect timeout that was counted under reason.
func (s *story) timesOut(ctx context.Context, instance, vpc, reason string) error {
	before, err := s.dropped(ctx, vpc, reason)
	if err != nil {
		return err
	}
	r, err := s.inside(ctx, instance, api...)
	if err != nil {
		return err
	}
	if r.code == 0 || !strings.Contains(r.stderr, "Connect timeout") {
		return fmt.Errorf("wanted a connect timeout, got exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	after, err := s.dropped(ctx, vpc, reason)
	if err != nil {
		return err
	}
	if after <= before {
		return fmt.Errorf("wanted dropped packets counted as %q, got %d before and %d after", reason, before, after)
	}
	fmt.Fprintf(s.out, "     enishi status: %d packets dropped: %s\n", after-before, reason)
	return nil
}

// served runs the command, with more arguments, in an instance and wants its answer.
func (s *story) served(ctx context.Context, instance string, more ...string) error {
	r, err := s.inside(ctx, instance, slices.Concat(api, more)...)
	if err == nil && (r.code != 0 || r.stdout != apiAnswer) {
		err = fmt.Errorf("wanted the zones a, c, d available, got exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	return err
}
