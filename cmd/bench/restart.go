// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// restart kills the agent of a host with many instances and endpoints, and measures
// until the next one says that everything is as control wants it.
func restart(ctx context.Context, b *bench) ([]row, error) {
	if err := b.stop(); err != nil {
		return nil, err
	}
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	vpcs, endpoints, instances, rounds := 4, 50, 250, 5
	if b.quick {
		endpoints, instances, rounds = 10, 25, 3
	}
	begun := time.Now()
	for range vpcs {
		at, err := b.newPlace(ctx)
		if err != nil {
			return nil, err
		}
		for i := range endpoints {
			if _, err := b.newEndpoint(ctx, at, i == 0); err != nil {
				return nil, err
			}
		}
		if err := b.launchMore(ctx, at, instances, 0); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(os.Stderr, "  the world took %.0f s\n", time.Since(begun).Seconds())
	var ms []float64
	for range rounds {
		took, err := b.agentAgain(ctx, vpcs*instances)
		if err != nil {
			return nil, err
		}
		ms = append(ms, float64(took.Microseconds())/1000)
		fmt.Fprintf(os.Stderr, "  %.0f ms\n", ms[len(ms)-1])
		time.Sleep(2 * time.Second) // `up` would wait before it starts an agent that died at once
	}
	p50, worst := quantile(ms, 0.5), quantile(ms, 1)
	what := fmt.Sprintf("agent killed with %d instances and %d endpoints → converged, %d times", vpcs*instances, vpcs*endpoints, rounds)
	return []row{{what, "1 s", fmt.Sprintf("median %.0f ms, worst %.0f ms", p50, worst), p50 <= 1000}}, b.stop()
}

// launchMore makes n instances, and waits until they run beside those that there are.
func (w *world) launchMore(ctx context.Context, p place, n, have int) error {
	const atOnce = 50
	for left := n; left > 0; left -= atOnce {
		count := new(int32(min(left, atOnce)))
		if _, err := call[ec2.RunInstancesOutput](ctx, w, "RunInstances", &ec2.RunInstancesInput{
			ImageId: new("ami-00000000"), InstanceType: "t3.micro", MinCount: count, MaxCount: count, SubnetId: &p.subnet, SecurityGroupIds: []string{p.group}}); err != nil {
			return err
		}
	}
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, err := call[ec2.DescribeInstancesOutput](ctx, w, "DescribeInstances", &ec2.DescribeInstancesInput{Filters: []ec2.Filter{
			{Name: new("vpc-id"), Values: []string{p.vpc}}, {Name: new("instance-state-name"), Values: []string{"running"}}}})
		if err != nil {
			return err
		}
		running := 0
		for _, r := range out.Reservations {
			running += len(r.Instances)
		}
		if running == n+have {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d instances run after 3 min", running, n+have)
		}
	}
}

// agentAgain kills the agent, and returns how long it took until another holds all
// that the one before held, control knows, and no unit is refused.
func (b *bench) agentAgain(ctx context.Context, instances int) (time.Duration, error) {
	agent, control := feed.UnixClient(filepath.Join(b.run, "agent.sock")), feed.UnixClient(filepath.Join(b.run, "control.sock"))
	agent.Timeout = 10 * time.Second
	defer agent.CloseIdleConnections()
	var before hoststate.AgentStatus
	if err := read(ctx, agent, "/v1/status", &before); err != nil {
		return 0, err
	}
	pid := 0
	for _, p := range b.processes() {
		if p.name == "agent" {
			pid = p.pid
		}
	}
	if pid == 0 {
		return 0, errors.New("no agent runs")
	}
	agent.CloseIdleConnections()
	begun := time.Now()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		return 0, err
	}
	for end := begun.Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var now hoststate.AgentStatus
		err := read(ctx, agent, "/v1/status", &now)
		if err == nil && now.Position.Incarnation == before.Position.Incarnation && now.Position.Revision >= before.Position.Revision && len(now.Refused) == 0 && running(now) == instances {
			break
		}
		if time.Now().After(end) {
			return 0, fmt.Errorf("the agent has not converged within a minute: %d instances, position %v, refused %v (%w)", running(now), now.Position, now.Refused, err)
		}
	}
	err := read(ctx, control, "/v1/ready", nil)
	return time.Since(begun), err
}

func running(s hoststate.AgentStatus) (n int) {
	for _, i := range s.Instances {
		if i.State == hoststate.InstanceRunning {
			n++
		}
	}
	return n
}

// read asks one of the parts.
func read(ctx context.Context, c *http.Client, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://enishi"+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
