// SPDX-License-Identifier: Apache-2.0

package main

import "context"

// chapter is one step of the story: it does and checks.
type chapter struct {
	title string
	tell  func(*story, context.Context) error
	// early is what it does, in a shell of its own, from the time of an earlier step on:
	// that is told in its turn, before the rest.
	early func(*story, context.Context) error
	from  int // the number of that step
}

var chapters = []chapter{
	{title: "enishi runs", tell: (*story).start},
	{title: "a VPC with subnets in two zones, a security group, a private instance", tell: (*story).network},
	{title: "without a way out the EC2 API cannot be reached", tell: (*story).noRoute},
	{title: "an interface endpoint, behind a group that does not let 443 in", tell: (*story).endpoint},
	{title: "443 is let in: the same command answers", tell: (*story).answers},
	{title: "another service: Elastic Load Balancing, by the name of its endpoint", tell: (*story).secondService},
	{title: "private DNS off: the endpoint has only its own names, regional and zonal", tell: (*story).ownNames},
	{title: "a policy is kept to the letter, and private DNS is on again", tell: (*story).policyKept},
	{title: "a second VPC, same range, same private address: it has to have its own", early: (*story).twin, from: 3, tell: (*story).bothListed},
	{title: "the endpoints go: their names, their connections, their addresses", tell: (*story).withdraw},
	{title: "enishi ends and leaves nothing", tell: (*story).nothingLeft},
}

// api is the command of the story.
var api = []string{"aws", "ec2", "describe-availability-zones", "--cli-connect-timeout", "3", "--query", "AvailabilityZones[].[ZoneName,State]", "--output", "text"}

const (
	apiAnswer = "ap-northeast-1a\tavailable\nap-northeast-1c\tavailable\nap-northeast-1d\tavailable"
	apiName   = "ec2.ap-northeast-1.amazonaws.com"
)

func (s *story) noRoute(ctx context.Context) error {
	return s.timesOut(ctx, "instance", "vpc", "no route")
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
