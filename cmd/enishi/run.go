// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	wire "enishi.dev/enishi/aws/wire/ec2"
)

// runOptions are the flags of `run`.
type runOptions struct {
	subnet, name string
	groups, env  []string
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:     "run --subnet S [--security-group G]... -- CMD...",
		Short:   "An instance for one command",
		Long:    "Launches an instance, runs CMD in it with this terminal, terminates the instance, and ends\nwith the command's exit code.",
		Example: "  enishi run --subnet subnet-0123456789abcdef0 -- aws sts get-caller-identity",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || cmd.ArgsLenAtDash() != 0 {
				return usageError{errors.New("run: want -- and a command")}
			}
			if o.subnet == "" {
				return usageError{errors.New("run: --subnet is missing")}
			}
			c, err := a.readClient()
			if err != nil {
				return fmt.Errorf("run: %w", err)
			}
			return wrap("run", a.runOnce(cmd.Context(), c, o, args))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.subnet, "subnet", "", "subnet of the instance")
	f.StringArrayVar(&o.groups, "security-group", nil, "security group of the instance; the VPC's default one if none is given")
	f.StringVar(&o.name, "name", "", "the instance's Name tag")
	f.StringArrayVar(&o.env, "env", nil, "set K=V in the command's environment")
	flagOffers(cmd, "subnet", a.completeSubnets())
	flagOffers(cmd, "security-group", a.completeGroups())
	return cmd
}

// anyImage stands for the host's own file system: every image is the same here.
const anyImage = "ami-00000000000000000"

// startLimit bounds how long an instance may take to run.
const startLimit = 30 * time.Second

func (a *app) runOnce(ctx context.Context, c client, o runOptions, argv []string) error {
	in := &wire.RunInstancesInput{
		ImageId: new(anyImage), InstanceType: "t3.micro", MinCount: new(int32(1)), MaxCount: new(int32(1)),
		SubnetId: &o.subnet, SecurityGroupIds: o.groups,
	}
	if o.name != "" {
		in.TagSpecifications = []wire.TagSpecification{{ResourceType: "instance", Tags: []wire.Tag{{Key: new("Name"), Value: &o.name}}}}
	}
	out, err := call[wire.RunInstancesInput, wire.RunInstancesOutput](ctx, c, "RunInstances", in)
	if err != nil {
		return err
	}
	id := *out.Instances[0].InstanceId
	defer func() {
		// Also after Ctrl-C: the instance was for this command only.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if _, err := call[wire.TerminateInstancesInput, wire.TerminateInstancesOutput](ctx, c, "TerminateInstances", &wire.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
			fmt.Fprintf(a.stderr, "enishi: run: terminate %s: %v\n", id, err)
		}
	}()
	if err := a.awaitRunning(ctx, c, id); err != nil {
		return err
	}
	return a.exec(ctx, c, id, argv, o.env)
}

// awaitRunning waits until the instance runs, and says so after a second.
func (a *app) awaitRunning(ctx context.Context, c client, id string) error {
	begun, told := time.Now(), false
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		out, err := call[wire.DescribeInstancesInput, wire.DescribeInstancesOutput](ctx, c, "DescribeInstances", &wire.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			return err
		}
		i := out.Reservations[0].Instances[0]
		state := string(i.State.Name)
		switch {
		case state == "running":
			return nil
		case i.StateReason != nil:
			return fmt.Errorf("instance %s: %s", id, *i.StateReason.Message)
		case time.Since(begun) > startLimit:
			return fmt.Errorf("instance %s is %s after %s: see `enishi status`", id, state, startLimit)
		case time.Since(begun) > time.Second && !told:
			fmt.Fprintf(a.stderr, "waiting for instance %s\n", id)
			told = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
