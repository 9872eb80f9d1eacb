// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/wire/ec2"
)

// world is a running enishi.
type world struct {
	api   *client.Client
	up    *exec.Cmd
	ended chan error
	run   string
}

const ourRegion = "ap-northeast-1"

// start runs enishi, with more flags if there are, and returns how long it took
// until it was ready. None may run.
func (b *bench) start(ctx context.Context, flags ...string) (time.Duration, error) {
	w := &world{run: filepath.Join(b.dir, "run")}
	flags = append([]string{"--run-dir", w.run, "up", "--ephemeral", "--listen", "127.0.0.1:0", "--region", ourRegion}, flags...)
	w.up = exec.Command(b.enishi, flags...)
	begun := time.Now()
	var err error
	if w.ended, err = background(w.up); err != nil {
		return 0, err
	}
	b.world = w
	for {
		if text, err := os.ReadFile(filepath.Join(w.run, "client.json")); err == nil {
			took := time.Since(begun)
			w.api, err = connect(text)
			return took, err
		}
		select {
		case err := <-w.ended:
			return 0, fmt.Errorf("enishi up: %w", err)
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(500 * time.Microsecond):
		}
		if time.Since(begun) > 20*time.Second {
			return 0, errors.New("enishi up is not ready after 20 s")
		}
	}
}

// available waits until an endpoint is.
func (w *world) available(ctx context.Context, endpoint string) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d, err := call[ec2.DescribeVpcEndpointsOutput](ctx, w, "DescribeVpcEndpoints", &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{endpoint}})
		if err != nil {
			return err
		}
		if strings.EqualFold(string(d.VpcEndpoints[0].State), "available") {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("endpoint %s is not available within 10 s", endpoint)
		}
	}
}

// background starts a process that ends with this one; its end comes by the channel.
func background(cmd *exec.Cmd) (ended chan error, err error) {
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGTERM}
	ended = make(chan error, 1)
	started := make(chan error)
	go func() {
		// The thread that started it must live as long: its death is the signal to end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return ended, <-started
}

// stop ends enishi, if it runs.
func (b *bench) stop() error {
	if b.world == nil {
		return nil
	}
	w := b.world
	b.world = nil
	return terminate(w.up, w.ended)
}

// terminate asks a process to end, and waits until it has.
func terminate(cmd *exec.Cmd, ended chan error) error {
	_ = cmd.Process.Signal(unix.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		return errors.Join(fmt.Errorf("%s does not end", cmd), cmd.Process.Kill())
	}
}

// ensure has enishi run.
func (b *bench) ensure(ctx context.Context) error {
	if b.world != nil {
		return nil
	}
	if _, err := b.start(ctx); err != nil {
		return err
	}
	return b.enter(ctx, ourRegion)
}

// place is a VPC with a subnet and a group.
type place struct{ vpc, subnet, group string }

func (w *world) newPlace(ctx context.Context) (p place, err error) {
	v, err := call[ec2.CreateVpcOutput](ctx, w, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
	if err != nil {
		return p, err
	}
	p.vpc = *v.Vpc.VpcId
	if _, err := call[ec2.ModifyVpcAttributeOutput](ctx, w, "ModifyVpcAttribute", &ec2.ModifyVpcAttributeInput{VpcId: &p.vpc, EnableDnsHostnames: &ec2.AttributeBooleanValue{Value: new(true)}}); err != nil {
		return p, err
	}
	n, err := call[ec2.CreateSubnetOutput](ctx, w, "CreateSubnet", &ec2.CreateSubnetInput{VpcId: &p.vpc, CidrBlock: new("10.0.0.0/20")})
	if err != nil {
		return p, err
	}
	p.subnet = *n.Subnet.SubnetId
	g, err := call[ec2.CreateSecurityGroupOutput](ctx, w, "CreateSecurityGroup", &ec2.CreateSecurityGroupInput{VpcId: &p.vpc, GroupName: new("bench"), Description: new("bench")})
	if err != nil {
		return p, err
	}
	p.group = *g.GroupId
	_, err = call[ec2.AuthorizeSecurityGroupIngressOutput](ctx, w, "AuthorizeSecurityGroupIngress", &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &p.group, IpPermissions: []ec2.IpPermission{permission("tcp", 1, 65535)}})
	return p, err
}

func permission(protocol string, from, to int32) ec2.IpPermission {
	return ec2.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to, IpRanges: []ec2.IpRange{{CidrIp: new("10.0.0.0/16")}}}
}

// launch makes an instance and waits until it runs.
func (w *world) launch(ctx context.Context, p place) (id, address string, err error) {
	out, err := call[ec2.RunInstancesOutput](ctx, w, "RunInstances", &ec2.RunInstancesInput{
		ImageId: new("ami-00000000"), InstanceType: "t3.micro", MinCount: new(int32(1)), MaxCount: new(int32(1)), SubnetId: &p.subnet, SecurityGroupIds: []string{p.group}})
	if err != nil {
		return "", "", err
	}
	i := out.Instances[0]
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d, err := call[ec2.DescribeInstancesOutput](ctx, w, "DescribeInstances", &ec2.DescribeInstancesInput{InstanceIds: []string{*i.InstanceId}})
		if err != nil {
			return "", "", err
		}
		if d.Reservations[0].Instances[0].State.Name == "running" {
			return *i.InstanceId, *i.PrivateIpAddress, nil
		}
		if time.Now().After(end) {
			return "", "", fmt.Errorf("instance %s does not run within 10 s", *i.InstanceId)
		}
	}
}

// inside starts this program in an instance.
func (b *bench) inside(instance string, args ...string) *exec.Cmd {
	return b.insideOf(b.run, instance, args...)
}

// insideOf starts this program in an instance of the host with the run directory.
func (b *bench) insideOf(run, instance string, args ...string) *exec.Cmd {
	return exec.Command(b.enishi, append([]string{"--run-dir", run, "exec", instance, "--", b.self}, args...)...)
}
