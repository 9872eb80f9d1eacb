// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
)

// build makes a VPC with everything in it; names end in x.
func (s *story) build(ctx context.Context, x string) error {
	err := s.name(ctx, "vpc"+x, "ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text")
	if err != nil {
		return err
	}
	if err := s.together(ctx,
		naming("subnet-a"+x, "ec2 create-subnet --vpc-id {vpc"+x+"} --cidr-block 10.0.1.0/24 --availability-zone ap-northeast-1a --query Subnet.SubnetId --output text"),
		naming("subnet-c"+x, "ec2 create-subnet --vpc-id {vpc"+x+"} --cidr-block 10.0.2.0/24 --availability-zone ap-northeast-1c --query Subnet.SubnetId --output text"),
		naming("sg"+x, "ec2 create-security-group --vpc-id {vpc"+x+"} --group-name endpoint --description story --query GroupId --output text"),
		doing("ec2 modify-vpc-attribute --vpc-id {vpc"+x+"} --enable-dns-hostnames"),
	); err != nil {
		return err
	}
	err = s.name(ctx, "instance"+x, "ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.micro --subnet-id {subnet-a"+x+"} --private-ip-address 10.0.1.10 --query Instances[0].InstanceId --output text")
	if err != nil {
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

// connect makes an endpoint for EC2 in the VPC whose names end in x, waits for it, and
// keeps its DNS names.
func (s *story) connect(ctx context.Context, x string) error {
	names, err := s.made(ctx, "endpoint"+x, "ec2", x, "--private-dns-enabled")
	if err == nil && len(names) != 4 {
		err = fmt.Errorf("wanted a regional, two zonal and the private name, got %q", names)
	}
	s.vars["names"+x] = strings.Join(names, " ")
	return err
}
