// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"enishi.dev/enishi/aws/wire/ec2"
)

// askers is how many instances ask, so many that their allowances together are more
// than any resolver here answers.
const askers = 200

// resolvers holds a VPC's resolver against CoreDNS in another instance of the VPC,
// asked for an endpoint's private name.
func resolvers(ctx context.Context, b *bench) ([]row, error) {
	const what = "resolver queries a second (private names) against CoreDNS"
	coredns, err := exec.LookPath(b.coredns)
	if err != nil {
		return []row{{what, reported, "skipped: no CoreDNS at " + b.coredns + " (`make bench` builds it where the Go module proxy can be reached)", true}}, nil
	}
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	at, err := b.newPlace(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := call[ec2.AuthorizeSecurityGroupIngressOutput](ctx, b.world, "AuthorizeSecurityGroupIngress", &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &at.group, IpPermissions: []ec2.IpPermission{permission("udp", 53, 53)}}); err != nil {
		return nil, err
	}
	e, err := b.newEndpoint(ctx, at, true)
	if err != nil {
		return nil, err
	}
	if err := b.available(ctx, *e.VpcEndpointId); err != nil {
		return nil, err
	}
	endpoint, err := b.addressOf(ctx, e)
	if err != nil {
		return nil, err
	}
	server, address, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	var places []string
	for range askers {
		asker, _, err := b.launch(ctx, at)
		if err != nil {
			return nil, err
		}
		places = append(places, b.netOf(asker))
	}
	name := "ec2." + ourRegion + ".amazonaws.com"
	stop, err := b.startCoreDNS(coredns, server, fmt.Sprintf("%s@%s@%s", address, name, endpoint))
	if err != nil {
		return nil, err
	}
	defer stop()
	var ends []pair
	for _, at := range []string{address, "10.0.0.2"} {
		target := fmt.Sprintf("%s@%s@%s@%s", at, name, endpoint, strings.Join(places, ","))
		ends = append(ends, pair{host: target, client: func(args ...string) *exec.Cmd { return exec.Command(b.self, args...) }})
	}
	c := compare{load: "queries", unit: "a second", rounds: 9, d: 500 * time.Millisecond}
	if b.quick {
		c.rounds = 3
	}
	if err := c.run(ctx, ends); err != nil {
		return nil, err
	}
	return []row{c.against(what, "CoreDNS", 1.5)}, nil
}

// startCoreDNS answers SERVER@NAME@ADDRESS in the instance's network, on a socket
// for each processor, and returns once it does.
func (b *bench) startCoreDNS(program, instance, target string) (stop func(), err error) {
	f := strings.Split(target, "@")
	conf := filepath.Join(b.dir, "Corefile")
	if err := os.WriteFile(conf, fmt.Appendf(nil, ".:53 {\n multisocket\n hosts {\n  %s %s\n }\n}\n", f[2], f[1]), 0o644); err != nil {
		return nil, err
	}
	return b.startIn(instance, func() error {
		answer, err := exec.Command(b.self, "measure", "queries", target+"@"+b.netOf(instance), "1ms").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, answer)
		}
		return err
	}, program, "-conf", conf)
}
