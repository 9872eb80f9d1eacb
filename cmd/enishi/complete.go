// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/iam"
)

// completer lists what a word on the command line may be: what there is in the running
// enishi, or nothing where none answers. Files are none of it.
type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// patience is how long a person who pressed the key waits.
const patience = 2 * time.Second

func offer(list func(context.Context) ([]cobra.Completion, error)) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		found, _ := list(ctx) // nobody answers: there is nothing to offer
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// first offers only the first argument.
func first(c completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c(cmd, args, word)
	}
}

// flagOffers has the words of a flag be those.
func flagOffers(cmd *cobra.Command, flag string, c completer) {
	_ = cmd.RegisterFlagCompletionFunc(flag, c) // the flag is there
}

// described are ids with a name each, of what the caller's account has.
func described[In, Out any](a *app, action string, in *In, list func(*Out) []cobra.Completion) completer {
	return offer(func(ctx context.Context) ([]cobra.Completion, error) {
		c, err := a.readClient()
		if err != nil {
			return nil, err
		}
		out, err := call[In, Out](ctx, c, action, in)
		if err != nil {
			return nil, err
		}
		return list(out), nil
	})
}

func (a *app) completeInstances() completer {
	in := &wire.DescribeInstancesInput{Filters: []wire.Filter{{Name: new("instance-state-name"), Values: []string{"pending", "running"}}}}
	return described(a, "DescribeInstances", in, func(out *wire.DescribeInstancesOutput) (ids []cobra.Completion) {
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				ids = append(ids, cobra.CompletionWithDesc(*i.InstanceId, named(i.Tags, i.PrivateIpAddress)))
			}
		}
		return ids
	})
}

func (a *app) completeSubnets() completer {
	return described(a, "DescribeSubnets", &wire.DescribeSubnetsInput{}, func(out *wire.DescribeSubnetsOutput) (ids []cobra.Completion) {
		for _, n := range out.Subnets {
			ids = append(ids, cobra.CompletionWithDesc(*n.SubnetId, named(n.Tags, n.CidrBlock)+" in "+*n.VpcId))
		}
		return ids
	})
}

func (a *app) completeGroups() completer {
	return described(a, "DescribeSecurityGroups", &wire.DescribeSecurityGroupsInput{}, func(out *wire.DescribeSecurityGroupsOutput) (ids []cobra.Completion) {
		for _, g := range out.SecurityGroups {
			ids = append(ids, cobra.CompletionWithDesc(*g.GroupId, *g.GroupName+" in "+*g.VpcId))
		}
		return ids
	})
}

func (a *app) completeAccounts() completer {
	return offer(func(ctx context.Context) (names []cobra.Completion, err error) {
		var list []iam.Account
		err = getJSON(ctx, a.path(controlSocket), accountsPath, &list)
		for _, acc := range list {
			names = append(names, cobra.CompletionWithDesc(acc.ID, acc.Name))
		}
		return names, err
	})
}

func (a *app) completeHosts() completer {
	return offer(func(ctx context.Context) (names []cobra.Completion, err error) {
		var list []order.HostEntry
		err = getJSON(ctx, a.path(controlSocket), hostsPath, &list)
		for _, h := range list {
			names = append(names, h.Name)
		}
		return names, err
	})
}

func completeRegions() completer {
	return offer(func(context.Context) (names []cobra.Completion, _ error) {
		for _, r := range region.All() {
			names = append(names, r.Name)
		}
		return names, nil
	})
}

// named is the Name tag, or what else tells one from the others.
func named(tags []wire.Tag, otherwise *string) string {
	for _, t := range tags {
		if t.Key != nil && *t.Key == "Name" && t.Value != nil {
			return *t.Value
		}
	}
	if otherwise == nil {
		return ""
	}
	return *otherwise
}
