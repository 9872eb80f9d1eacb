// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// memory says by how much each process grows with a VPC, an endpoint and an instance.
func memory(ctx context.Context, b *bench) ([]row, error) {
	if err := b.stop(); err != nil {
		return nil, err
	}
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	endpoints, instances := 50, 100
	if b.quick {
		endpoints, instances = 10, 10
	}
	// An account has five VPCs in a region at most.
	regions := []string{"eu-west-1", "eu-west-2", "eu-central-1", "us-west-1", "us-west-2", ourRegion}
	const each = 5
	var places []place
	var rows []row
	grown := func(what string, n int, make func() error) error {
		before := b.anonymous()
		if err := make(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		time.Sleep(time.Second) // what reports bring about
		rows = append(rows, row{fmt.Sprintf("anonymous memory of each of %d %s", n, what), reported, before.growth(b.anonymous(), n), true})
		fmt.Fprintf(os.Stderr, "  %s: %s\n", what, rows[len(rows)-1].got)
		return nil
	}
	steps := []struct {
		what string
		n    int
		make func() error
	}{
		{"VPCs, with a subnet and a group", len(regions) * each, func() error {
			for _, region := range regions {
				if err := b.enter(ctx, region); err != nil {
					return err
				}
				for range each {
					at, err := b.newPlace(ctx)
					if err != nil {
						return err
					}
					places = append(places, at)
				}
			}
			return nil
		}},
		{"VPCs' first instances, with the VPC's namespace on the host", each, func() error {
			for _, at := range places[len(places)-each:] {
				if _, _, err := b.launch(ctx, at); err != nil {
					return err
				}
			}
			return nil
		}},
		{"endpoints", each * endpoints, func() error {
			for _, at := range places[len(places)-each:] {
				for i := range endpoints {
					e, err := b.newEndpoint(ctx, at, i == 0)
					if err == nil {
						err = b.available(ctx, *e.VpcEndpointId)
					}
					if err != nil {
						return err
					}
				}
			}
			return nil
		}},
		{"more instances", instances, func() error { return b.launchMore(ctx, places[len(places)-1], instances, 1) }},
	}
	for _, s := range steps {
		if err := grown(s.what, s.n, s.make); err != nil {
			return nil, err
		}
	}
	return rows, b.stop()
}

// weights are the KiB of anonymous memory of processes by name.
type weights map[string]int

func (b *bench) anonymous() weights {
	w := weights{}
	for _, p := range b.processes() {
		w[p.name] += p.anonymous
	}
	return w
}

// growth says what each process has more than before, for each of n.
func (w weights) growth(now weights, n int) string {
	var list []string
	for _, name := range []string{"control", "agent", "gateway", "services", "up", "instance-init"} {
		if d := now[name] - w[name]; d >= n {
			list = append(list, fmt.Sprintf("%s %d KiB", name, d/n))
		}
	}
	if len(list) == 0 {
		return "less than 1 KiB"
	}
	return strings.Join(list, ", ")
}
