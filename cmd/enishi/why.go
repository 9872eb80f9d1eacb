// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/hoststate"
)

func (a *app) whyCommand() *cobra.Command {
	var from, protocol, output string
	cmd := &cobra.Command{
		Use:   "why --from INSTANCE|ENI HOST[:PORT]",
		Short: "What happens to a connection, step by step, and what decides",
		Long: "Asks the resolver and the data plane what becomes of the first packet of a connection, and\n" +
			"names the zone, route and rule that decide. Nothing is sent. The port is 443 if none is given.",
		Example: "  enishi why --from i-0123456789abcdef0 ec2.ap-northeast-1.amazonaws.com\n" +
			"  enishi why --from i-0123456789abcdef0 --protocol udp 10.0.1.20:53 --output json",
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from == "" {
				return usageError{errors.New("why: --from is missing: an instance or network interface")}
			}
			if !slices.Contains([]string{"tcp", "udp", "icmp"}, protocol) {
				return usageError{fmt.Errorf("why: --protocol %s: want tcp, udp or icmp", protocol)}
			}
			host, port, err := hostPort(args[0])
			if err != nil {
				return usageError{fmt.Errorf("why: %w", err)}
			}
			if protocol == "icmp" && host != args[0] {
				return usageError{fmt.Errorf("why: %s: icmp knows no ports: want HOST", args[0])}
			}
			c, err := a.readClient()
			if err != nil {
				return fmt.Errorf("why: %w", err)
			}
			f, err := a.askWhy(cmd.Context(), c, from, host, hoststate.Question{Protocol: protocol, Port: port})
			if err != nil {
				return wrap("why", err)
			}
			e := f.explain()
			if output == "json" {
				enc := json.NewEncoder(a.stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(e)
			}
			e.print(a.stdout)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "who opens the connection: an instance (its first interface) or a network interface")
	cmd.Flags().StringVar(&protocol, "protocol", "tcp", "tcp, udp or icmp")
	flagOffers(cmd, "from", a.completeInstances())
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

// hostPort splits HOST[:PORT]; an IPv6 address with a port is in brackets.
func hostPort(s string) (host string, port uint16, err error) {
	if _, err := netip.ParseAddr(s); err == nil || !strings.Contains(s, ":") {
		return s, 443, nil
	}
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("%s: want HOST[:PORT]", s)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("%s: want HOST[:PORT], the port from 0 to 65535", s)
	}
	return host, uint16(n), nil
}

// askWhy gathers what the parts say. A name that leads nowhere ends the way before
// the data plane is asked.
func (a *app) askWhy(ctx context.Context, c client, from, host string, q hoststate.Question) (f whyFacts, err error) {
	f.host, f.question = host, q
	if f.from, err = sender(ctx, c, from); err != nil {
		return f, err
	}
	at := a.hostOf(ctx, "interface", *f.from.NetworkInterfaceId)
	to, err := netip.ParseAddr(host)
	if err != nil {
		f.name = new(hoststate.NameAnswer)
		form := url.Values{"network": {*f.from.VpcId}, "name": {host}}
		if err := a.askHost(ctx, at, gatewaySocket, "/v1/name?"+form.Encode(), f.name); err != nil {
			return f, err
		}
		if f.service, err = serviceOf(ctx, c, host); err != nil || len(f.name.Addresses) == 0 {
			return f, err
		}
		to = f.name.Addresses[0]
	}
	f.question.Interface, f.question.To = *f.from.NetworkInterfaceId, to
	form := url.Values{"interface": {*f.from.NetworkInterfaceId}, "to": {to.String()}, "protocol": {q.Protocol}, "port": {strconv.Itoa(int(q.Port))}}
	if err := a.askHost(ctx, at, agentSocket, "/v1/why?"+form.Encode(), &f.outcome); err != nil {
		return f, err
	}
	if f.outcome.Target != "" {
		target, err := interfaces(ctx, c, &wire.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{f.outcome.Target}})
		if err != nil {
			return f, err
		}
		f.target = &target[0]
	}
	f.groups, err = groupsOfRules(ctx, c, f.outcome.Egress, f.outcome.Ingress)
	return f, err
}

// sender is the interface with the id, or the first one of the instance with it.
func sender(ctx context.Context, c client, id string) (wire.NetworkInterface, error) {
	in := &wire.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}}
	if strings.HasPrefix(id, "i-") {
		in = &wire.DescribeNetworkInterfacesInput{Filters: []wire.Filter{
			{Name: new("attachment.instance-id"), Values: []string{id}},
			{Name: new("attachment.device-index"), Values: []string{"0"}},
		}}
	}
	found, err := interfaces(ctx, c, in)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("instance %s has no network interface: does it run?", id)
	}
	if err != nil {
		return wire.NetworkInterface{}, err
	}
	return found[0], nil
}

func interfaces(ctx context.Context, c client, in *wire.DescribeNetworkInterfacesInput) ([]wire.NetworkInterface, error) {
	out, err := call[wire.DescribeNetworkInterfacesInput, wire.DescribeNetworkInterfacesOutput](ctx, c, "DescribeNetworkInterfaces", in)
	if err != nil {
		return nil, err
	}
	return out.NetworkInterfaces, nil
}

// groupsOfRules says which group each rule is of.
func groupsOfRules(ctx context.Context, c client, rules ...string) (map[string]string, error) {
	rules = slices.DeleteFunc(rules, func(id string) bool { return id == "" })
	groups := map[string]string{}
	if len(rules) == 0 {
		return groups, nil
	}
	out, err := call[wire.DescribeSecurityGroupRulesInput, wire.DescribeSecurityGroupRulesOutput](ctx, c, "DescribeSecurityGroupRules",
		&wire.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: rules})
	if err != nil {
		return nil, err
	}
	for _, r := range out.SecurityGroupRules {
		groups[*r.SecurityGroupRuleId] = *r.GroupId
	}
	return groups, nil
}

// serviceOf is the service that has the name as its private name, or "".
func serviceOf(ctx context.Context, c client, name string) (string, error) {
	out, err := call[wire.DescribeVpcEndpointServicesInput, wire.DescribeVpcEndpointServicesOutput](ctx, c, "DescribeVpcEndpointServices", &wire.DescribeVpcEndpointServicesInput{})
	if err != nil {
		return "", err
	}
	for _, d := range out.ServiceDetails {
		if d.PrivateDnsName != nil && strings.EqualFold(*d.PrivateDnsName, strings.TrimSuffix(name, ".")) {
			return *d.ServiceName, nil
		}
	}
	return "", nil
}
