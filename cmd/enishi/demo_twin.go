// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

func (s *story) twin(ctx context.Context) error {
	if err := s.build(ctx, "-2"); err != nil {
		return err
	}
	if err := s.timesOut(ctx, "instance-2", "vpc-2", "no route"); err != nil {
		return err
	}
	if err := s.together(ctx,
		func(s *story, ctx context.Context) error { return s.connect(ctx, "-2") },
		func(s *story, ctx context.Context) error { return s.letIn(ctx, "-2") },
	); err != nil {
		return err
	}
	return s.served(ctx, "instance-2")
}

// bothListed wants one request of each VPC in the status and in the access log, with
// endpoint and source.
func (s *story) bothListed(ctx context.Context) error {
	r, err := s.run(ctx, "enishi status --output json", "status", "--output", "json")
	if err != nil {
		return err
	}
	st, err := s.readStatus(ctx)
	if err != nil {
		return err
	}
	for _, x := range []string{"", "-2"} {
		vpc, endpoint := s.vars["vpc"+x], s.vars["endpoint"+x]
		found := false
		for _, q := range st.Gateway.Requests {
			found = found || q.Network == vpc && q.Endpoint == endpoint && q.Source.String() == "10.0.1.10" && q.Action == "DescribeAvailabilityZones"
		}
		if !found || !strings.Contains(r.stdout, endpoint) {
			return fmt.Errorf("wanted a request of %s through %s from 10.0.1.10, got %+v", vpc, endpoint, st.Gateway.Requests)
		}
		fmt.Fprintf(s.out, "     %s through %s from 10.0.1.10\n", vpc, endpoint)
	}
	fmt.Fprintf(s.out, "   $ tail -n 1 %s\n", s.path(accessLog))
	b, err := os.ReadFile(s.path(accessLog))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	fmt.Fprintf(s.out, "     %s\n", lines[len(lines)-1])
	for _, x := range []string{"", "-2"} {
		want := fmt.Sprintf(`"vpc":%q,"vpce":%q,"source":"10.0.1.10","service":"ec2","action":"DescribeAvailabilityZones","status":200,`, s.vars["vpc"+x], s.vars["endpoint"+x])
		if !strings.Contains(string(b), want) {
			return fmt.Errorf("wanted %s in the access log, got\n%s", want, b)
		}
	}
	return nil
}
