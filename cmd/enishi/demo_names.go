// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// made makes an endpoint for a service in the VPC whose names end in x, calls it
// name, waits for it and returns its DNS names: regional, zonal, private.
func (s *story) made(ctx context.Context, name, service, x, more string) ([]string, error) {
	err := s.name(ctx, name, "ec2 create-vpc-endpoint --vpc-endpoint-type Interface --service-name com.amazonaws.ap-northeast-1."+service+" --vpc-id {vpc"+x+"} --subnet-ids {subnet-a"+x+"} {subnet-c"+x+"} --security-group-ids {sg"+x+"} "+more+" --query VpcEndpoint.VpcEndpointId --output text")
	if err != nil {
		return nil, err
	}
	return s.available(ctx, name)
}

// available waits for the endpoint called name and returns its DNS names.
func (s *story) available(ctx context.Context, name string) (names []string, err error) {
	err = until(ctx, "the endpoint available", func() (bool, string, error) {
		said, err := s.aws(ctx, "ec2 describe-vpc-endpoints --vpc-endpoint-ids {"+name+"} --query VpcEndpoints[0].[State,DnsEntries[].DnsName][] --output text")
		state, rest, _ := strings.Cut(said, "\t")
		names = strings.Fields(rest)
		return state == "available", state, err
	})
	return names, err
}

// secondService wants Elastic Load Balancing by its endpoint's regional name.
func (s *story) secondService(ctx context.Context) error {
	names, err := s.made(ctx, "endpoint-elb", "elasticloadbalancing", "", "--no-private-dns-enabled")
	if err != nil {
		return err
	}
	if len(names) != 3 {
		return fmt.Errorf("wanted a regional and two zonal names, got %q", names)
	}
	r, err := s.inside(ctx, "instance", "aws", "elbv2", "describe-load-balancers", "--cli-connect-timeout", "3", "--endpoint-url", "https://"+names[0], "--query", "LoadBalancers", "--output", "json")
	if err == nil && (r.code != 0 || r.stdout != "[]") {
		err = fmt.Errorf("wanted no load balancers, got exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	return err
}

// ownNames wants the endpoint by its own names where it has not taken over the public one.
func (s *story) ownNames(ctx context.Context) error {
	if err := s.each(ctx, "ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --no-private-dns-enabled --query Return --output text"); err != nil {
		return err
	}
	if err := s.resolves(ctx, "no private address", func(said string) bool { return !strings.Contains(said, "10.0.") }); err != nil {
		return err
	}
	passages := []passage{(*story).noRoute, (*story).onlyOwn}
	for _, name := range s.own() {
		passages = append(passages, func(s *story, ctx context.Context) error {
			return s.served(ctx, "instance", "--endpoint-url", "https://"+name)
		})
	}
	return s.together(ctx, passages...)
}

// own are the names that nobody else's endpoint has: regional and zonal.
func (s *story) own() []string { return strings.Fields(s.vars["names"])[:3] }

// onlyOwn wants no other names in the endpoint's description.
func (s *story) onlyOwn(ctx context.Context) error {
	names, err := s.available(ctx, "endpoint")
	if err == nil && !slices.Equal(names, s.own()) {
		err = fmt.Errorf("wanted the names %q alone, got %q", s.own(), names)
	}
	return err
}

// resolves waits until an instance's resolver says of the API's name what ok wants.
func (s *story) resolves(ctx context.Context, what string, ok func(string) bool) error {
	return until(ctx, what+" for "+apiName, func() (bool, string, error) {
		r, err := s.inside(ctx, "instance", "getent", "ahostsv4", apiName)
		return ok(r.stdout), r.stdout, err
	})
}

// policy is what an endpoint is given to keep.
const policy = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ec2:*","Resource":"*"}]}`

// policyKept wants the policy back to the letter, and the public name taken over again.
func (s *story) policyKept(ctx context.Context) error {
	if err := s.each(ctx, "ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint} --private-dns-enabled --policy-document '"+policy+"' --query Return --output text"); err != nil {
		return err
	}
	return s.together(ctx, (*story).namedAgain, (*story).policyBack)
}

func (s *story) namedAgain(ctx context.Context) error {
	if err := s.resolves(ctx, "a private address", func(said string) bool { return strings.Contains(said, "10.0.") }); err != nil {
		return err
	}
	return s.served(ctx, "instance")
}

func (s *story) policyBack(ctx context.Context) error {
	got, err := s.aws(ctx, "ec2 describe-vpc-endpoints --vpc-endpoint-ids {endpoint} --query VpcEndpoints[0].PolicyDocument --output text")
	if err == nil && got != policy {
		err = fmt.Errorf("wanted the policy back as it was given, %s, got %s", policy, got)
	}
	return err
}
