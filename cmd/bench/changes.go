// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"enishi.dev/enishi/aws/wire/ec2"
)

// crowd makes the world of both measurements, once: four VPCs with fifty
// endpoints each, and a fifth with two instances.
func (b *bench) crowd(ctx context.Context) (at place, server, client, address string, err error) {
	if err := b.stop(); err != nil {
		return at, "", "", "", err
	}
	if err := b.ensure(ctx); err != nil {
		return at, "", "", "", err
	}
	vpcs, each := 4, 50
	if b.quick {
		vpcs, each = 2, 5
	}
	for range vpcs {
		p, err := b.newPlace(ctx)
		if err != nil {
			return at, "", "", "", err
		}
		for i := range each {
			if _, err := b.newEndpoint(ctx, p, i == 0); err != nil {
				return at, "", "", "", err
			}
		}
	}
	if at, err = b.newPlace(ctx); err != nil {
		return at, "", "", "", err
	}
	if server, address, err = b.launch(ctx, at); err != nil {
		return at, "", "", "", err
	}
	client, _, err = b.launch(ctx, at)
	return at, server, client, address, err
}

func (w *world) newEndpoint(ctx context.Context, p place, private bool) (*ec2.VpcEndpoint, error) {
	out, err := call[ec2.CreateVpcEndpointOutput](ctx, w, "CreateVpcEndpoint", &ec2.CreateVpcEndpointInput{
		VpcEndpointType: "Interface", VpcId: &p.vpc, ServiceName: new("com.amazonaws." + w.api.Region + ".ec2"),
		SubnetIds: []string{p.subnet}, SecurityGroupIds: []string{p.group}, PrivateDnsEnabled: &private})
	if err != nil {
		return nil, err
	}
	return out.VpcEndpoint, nil
}

// since is how long after t, in ms, the probe says that it reached what it was told to.
func since(answer string, t time.Time) (float64, error) {
	ns, err := strconv.ParseInt(answer, 10, 64)
	return max(0, float64(ns-t.UnixNano())/1e6), err
}

// endpoints measures from the answer of create-vpc-endpoint until the first HTTP
// answer through it, polled every millisecond from an instance.
func endpoints(ctx context.Context, b *bench) ([]row, error) {
	at, _, client, _, err := b.crowd(ctx)
	if err != nil {
		return nil, err
	}
	p, err := begin(b.inside(client, "probe"))
	if err != nil {
		return nil, err
	}
	defer p.end()
	var ms []float64
	rounds := 100
	if b.quick {
		rounds = 10
	}
	for range rounds {
		e, err := b.newEndpoint(ctx, at, false)
		if err != nil {
			return nil, err
		}
		returned := time.Now()
		address, err := b.addressOf(ctx, e)
		if err != nil {
			return nil, err
		}
		answer, err := p.ask("https " + address + " " + *e.DnsEntries[0].DnsName)
		if err != nil {
			return nil, err
		}
		took, err := since(answer, returned)
		if err != nil {
			return nil, err
		}
		ms = append(ms, took)
		if err := b.dropEndpoint(ctx, *e.VpcEndpointId); err != nil {
			return nil, err
		}
	}
	return []row{b.changed("create-vpc-endpoint returned → first HTTP answer through it", ms, 20)}, nil
}

func (b *bench) changed(what string, ms []float64, want float64) row {
	p50, p99, worst := quantile(ms, 0.5), quantile(ms, 0.99), quantile(ms, 1)
	return row{fmt.Sprintf("%s (%d times)", what, len(ms)), fmt.Sprintf("p99 %.0f ms", want),
		fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, worst %.1f ms", p50, p99, worst), p99 <= want}
}

func (w *world) addressOf(ctx context.Context, e *ec2.VpcEndpoint) (string, error) {
	out, err := call[ec2.DescribeNetworkInterfacesOutput](ctx, w, "DescribeNetworkInterfaces", &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: e.NetworkInterfaceIds})
	if err != nil {
		return "", err
	}
	return *out.NetworkInterfaces[0].PrivateIpAddress, nil
}

// dropEndpoint deletes an endpoint and waits until it has gone.
func (w *world) dropEndpoint(ctx context.Context, id string) error {
	if _, err := call[ec2.DeleteVpcEndpointsOutput](ctx, w, "DeleteVpcEndpoints", &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id}}); err != nil {
		return err
	}
	for range 1000 {
		out, err := call[ec2.DescribeVpcEndpointsOutput](ctx, w, "DescribeVpcEndpoints", &ec2.DescribeVpcEndpointsInput{
			Filters: []ec2.Filter{{Name: new("vpc-endpoint-id"), Values: []string{id}}}})
		if err != nil {
			return err
		}
		if len(out.VpcEndpoints) == 0 {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("endpoint " + id + " does not go")
}

// rules measures from the answer of authorize and revoke until packets obey.
func rules(ctx context.Context, b *bench) ([]row, error) {
	at, server, client, address, err := b.crowd(ctx)
	if err != nil {
		return nil, err
	}
	s, err := begin(b.inside(server, "serve"))
	if err != nil {
		return nil, err
	}
	defer s.end()
	p, err := begin(b.inside(client, "probe"))
	if err != nil {
		return nil, err
	}
	defer p.end()
	permit := []ec2.IpPermission{permission("udp", echoPort, echoPort)}
	var in, out []float64
	rounds := 300
	if b.quick {
		rounds = 10
	}
	for range rounds {
		if _, err := call[ec2.AuthorizeSecurityGroupIngressOutput](ctx, b.world, "AuthorizeSecurityGroupIngress", &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &at.group, IpPermissions: permit}); err != nil {
			return nil, err
		}
		if in, err = b.obeyed(p, "udp "+address, in); err != nil {
			return nil, err
		}
		if _, err := call[ec2.RevokeSecurityGroupIngressOutput](ctx, b.world, "RevokeSecurityGroupIngress", &ec2.RevokeSecurityGroupIngressInput{GroupId: &at.group, IpPermissions: permit}); err != nil {
			return nil, err
		}
		if out, err = b.obeyed(p, "noudp "+address, out); err != nil {
			return nil, err
		}
	}
	return []row{
		b.changed("authorize returned → let in", in, 10),
		b.changed("revoke returned → kept out", out, 10),
	}, nil
}

func (b *bench) obeyed(p *helper, line string, ms []float64) ([]float64, error) {
	returned := time.Now()
	answer, err := p.ask(line)
	if err != nil {
		return nil, err
	}
	took, err := since(answer, returned)
	if b.quick {
		fmt.Fprintf(os.Stderr, "  %s %.1f ms\n", line, took)
	}
	return append(ms, took), err
}
