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
)

// chapter is one step of the story: it does and checks.
type chapter struct {
	title string
	tell  func(*story, context.Context) error
}

var chapters = []chapter{
	{"enishi runs", (*story).start},
	{"a VPC with subnets in two zones, a security group, a private instance", (*story).network},
	{"without a way out the EC2 API cannot be reached", (*story).noRoute},
	{"an interface endpoint, behind a group that does not let 443 in", (*story).endpoint},
	{"443 is let in: the same command answers", (*story).answers},
	{"a second VPC, same range, same private address: it has to have its own", (*story).twin},
	{"the endpoint goes: its name, its connections, its addresses", (*story).withdraw},
	{"enishi ends and leaves nothing", (*story).nothingLeft},
}

// api is the command of the story.
var api = []string{"aws", "ec2", "describe-availability-zones", "--cli-connect-timeout", "3", "--query", "AvailabilityZones[].[ZoneName,State]", "--output", "text"}

const (
	apiAnswer = "ap-northeast-1a\tavailable\nap-northeast-1c\tavailable\nap-northeast-1d\tavailable"
	apiName   = "ec2.ap-northeast-1.amazonaws.com"
)

// build makes a VPC with everything in it; names end in suffix.
func (s *story) build(ctx context.Context, x string) error {
	for _, l := range [][2]string{
		{"vpc" + x, "ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text"},
		{"subnet-a" + x, "ec2 create-subnet --vpc-id {vpc" + x + "} --cidr-block 10.0.1.0/24 --availability-zone ap-northeast-1a --query Subnet.SubnetId --output text"},
		{"subnet-c" + x, "ec2 create-subnet --vpc-id {vpc" + x + "} --cidr-block 10.0.2.0/24 --availability-zone ap-northeast-1c --query Subnet.SubnetId --output text"},
		{"sg" + x, "ec2 create-security-group --vpc-id {vpc" + x + "} --group-name endpoint --description story --query GroupId --output text"},
		{"instance" + x, "ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.micro --subnet-id {subnet-a" + x + "} --private-ip-address 10.0.1.10 --query Instances[0].InstanceId --output text"},
	} {
		if err := s.name(ctx, l[0], l[1]); err != nil {
			return err
		}
	}
	if err := s.each(ctx, "ec2 modify-vpc-attribute --vpc-id {vpc"+x+"} --enable-dns-hostnames"); err != nil {
		return err
	}
	return until(ctx, "the instance running", func() (bool, string, error) {
		st, err := s.readStatus(ctx)
		for _, i := range st.Agent.Instances {
			if i.ID == s.vars["instance"+x] {
				return i.State == "running", string(i.State), err
			}
		}
		return false, "not on the host yet", err
	})
}

func (s *story) network(ctx context.Context) error { return s.build(ctx, "") }

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
	fmt.Fprintf(s.stdout, "     enishi status: %d packets dropped: %s\n", after-before, reason)
	return nil
}

// served runs the command in an instance and wants its answer.
func (s *story) served(ctx context.Context, instance string) error {
	r, err := s.inside(ctx, instance, api...)
	if err == nil && (r.code != 0 || r.stdout != apiAnswer) {
		err = fmt.Errorf("wanted the zones a, c, d available, got exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	return err
}

func (s *story) noRoute(ctx context.Context) error {
	return s.timesOut(ctx, "instance", "vpc", "no route")
}

// connect makes an endpoint in the VPC whose names end in x and waits for it.
func (s *story) connect(ctx context.Context, x string) error {
	err := s.name(ctx, "endpoint"+x, "ec2 create-vpc-endpoint --vpc-endpoint-type Interface --service-name com.amazonaws.ap-northeast-1.ec2 --vpc-id {vpc"+x+"} --subnet-ids {subnet-a"+x+"} {subnet-c"+x+"} --security-group-ids {sg"+x+"} --private-dns-enabled --query VpcEndpoint.VpcEndpointId --output text")
	if err != nil {
		return err
	}
	return until(ctx, "the endpoint available", func() (bool, string, error) {
		state, err := s.aws(ctx, "ec2 describe-vpc-endpoints --vpc-endpoint-ids {endpoint"+x+"} --query VpcEndpoints[0].State --output text")
		return state == "available", state, err
	})
}

func (s *story) endpoint(ctx context.Context) error {
	if err := s.connect(ctx, ""); err != nil {
		return err
	}
	return s.timesOut(ctx, "instance", "vpc", "security group")
}

func (s *story) answers(ctx context.Context) error {
	if err := s.letIn(ctx, ""); err != nil {
		return err
	}
	return s.served(ctx, "instance")
}

func (s *story) letIn(ctx context.Context, x string) error {
	return s.each(ctx, "ec2 authorize-security-group-ingress --group-id {sg"+x+"} --protocol tcp --port 443 --cidr 10.0.0.0/16 --query Return --output text")
}

func (s *story) twin(ctx context.Context) error {
	if err := s.build(ctx, "-2"); err != nil {
		return err
	}
	if err := s.timesOut(ctx, "instance-2", "vpc-2", "no route"); err != nil {
		return err
	}
	if err := s.connect(ctx, "-2"); err != nil {
		return err
	}
	if err := s.letIn(ctx, "-2"); err != nil {
		return err
	}
	if err := s.served(ctx, "instance-2"); err != nil {
		return err
	}
	return s.bothListed(ctx)
}

// bothListed wants one request of each VPC in the status, with endpoint and source.
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
		fmt.Fprintf(s.stdout, "     %s through %s from 10.0.1.10\n", vpc, endpoint)
	}
	return nil
}

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
	if _, err := s.aws(ctx, "ec2 delete-vpc-endpoints --vpc-endpoint-ids {endpoint} --query Unsuccessful --output text"); err != nil {
		return err
	}
	deleted := time.Now()
	select {
	case r := <-open:
		if !strings.Contains(r.stderr, "reset by peer") {
			return fmt.Errorf("wanted the open connection reset, got: %s %s", r.stdout, r.stderr)
		}
		fmt.Fprintf(s.stdout, "     the open connection was reset\n")
	case <-time.After(time.Until(deleted.Add(time.Second))):
		return fmt.Errorf("wanted the open connection reset within 1 s of delete-vpc-endpoints, it is still open")
	}
	r, err := s.inside(ctx, "instance", "getent", "ahostsv4", apiName)
	if err != nil {
		return err
	}
	if strings.Contains(r.stdout, "10.0.") {
		return fmt.Errorf("wanted no private address for %s, got %s", apiName, r.stdout)
	}
	if err := s.timesOut(ctx, "instance", "vpc", "no route"); err != nil {
		return err
	}
	return until(ctx, "interfaces and addresses free again", func() (bool, string, error) {
		enis, err := s.aws(ctx, "ec2 describe-network-interfaces --filters Name=vpc-id,Values={vpc} Name=interface-type,Values=vpc_endpoint --query NetworkInterfaces[].NetworkInterfaceId --output text")
		if err != nil {
			return false, "", err
		}
		now, err := s.aws(ctx, "ec2 describe-subnets --subnet-ids {subnet-a} --query Subnets[0].AvailableIpAddressCount --output text")
		return enis == "" && now != free, fmt.Sprintf("interfaces %q, free addresses %s (%s before)", enis, now, free), err
	})
}

func (s *story) nothingLeft(ctx context.Context) error {
	pids := children(s.up.Process.Pid)
	fmt.Fprintf(s.stdout, "   $ kill %%1   # SIGTERM\n")
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
	fmt.Fprintln(s.stdout, "     no process, mount, namespace or file is left")
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
