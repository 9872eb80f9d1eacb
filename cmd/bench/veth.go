// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"enishi.dev/enishi/netns"
)

// measureMain is `bench measure LOAD HOST DURATION`, inside a namespace.
func measureMain(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: measure LOAD HOST DURATION")
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	load, ok := loads[args[0]]
	if !ok {
		return fmt.Errorf("no load %q", args[0])
	}
	x, err := load(args[1], d)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(x)
}

// pair is two ends between which loads run.
type pair struct {
	server *helper
	client func(args ...string) *exec.Cmd
	host   string
}

func (p pair) measure(load string, d time.Duration) (x float64, err error) {
	out, err := p.client("measure", load, p.host, d.String()).Output()
	if err != nil {
		return 0, err
	}
	return x, json.Unmarshal(out, &x)
}

// bare is a veth pair between two namespaces, and nothing else.
func (b *bench) bare() (p pair, clean func(), err error) {
	var ends [2]*netns.Namespace
	clean = func() {
		if p.server != nil {
			p.server.end()
		}
		for _, n := range ends {
			if n != nil {
				n.Close()
				_ = netns.Remove(n.Path())
			}
		}
	}
	for i := range ends {
		if ends[i], _, err = netns.Make(filepath.Join(b.dir, fmt.Sprintf("bare%d", i))); err != nil {
			return p, clean, err
		}
	}
	if _, err := netns.MakeVeth(ends[0], ends[1], netns.Veth{Outer: "a", Inner: "b", MTU: 9001}); err != nil {
		return p, clean, err
	}
	for i, name := range []string{"a", "b"} {
		if err := ends[i].SetUp(name); err != nil {
			return p, clean, err
		}
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(i + 1)}), 24)
		if err := ends[i].Do(func() error { return netns.AddAddress(name, addr) }); err != nil {
			return p, clean, err
		}
	}
	in := func(n *netns.Namespace) func(args ...string) *exec.Cmd {
		return func(args ...string) *exec.Cmd {
			return exec.Command("nsenter", append([]string{"--net=" + n.Path(), b.self}, args...)...)
		}
	}
	p.client, p.host = in(ends[0]), "10.9.0.2"
	if p.server, err = begin(in(ends[1])("serve")); err == nil {
		_, err = p.server.line()
	}
	return p, clean, err
}

// veth holds two instances of one VPC against a bare veth pair, in turn.
func veth(ctx context.Context, b *bench) ([]row, error) {
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	bare, clean, err := b.bare()
	defer func() { clean() }()
	if err != nil {
		return nil, err
	}
	at, err := b.newPlace(ctx)
	if err != nil {
		return nil, err
	}
	server, address, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	client, _, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	ours := pair{host: address, client: func(args ...string) *exec.Cmd { return b.inside(client, args...) }}
	if ours.server, err = begin(b.inside(server, "serve")); err != nil {
		return nil, err
	}
	defer ours.server.end()
	if _, err := ours.server.line(); err != nil {
		return nil, err
	}
	rounds, d := 9, time.Second
	if b.quick {
		rounds, d = 3, 300*time.Millisecond
	}
	var rows []row
	for _, l := range []struct {
		load, what, unit string
		less             bool // is better
	}{
		{"stream", "one stream", "Gbit/s", false},
		{"roundtrip", "request/response p50", "µs", true},
		{"connect", "connect and close", "a second", false},
	} {
		// A B, B A, A B, …: what the machine does meanwhile falls on both.
		var ratios []float64
		var xs [2][]float64
		for i := range rounds {
			var x [2]float64
			for k := range 2 {
				which := (i + k) % 2
				if x[which], err = []pair{bare, ours}[which].measure(l.load, d); err != nil {
					return nil, err
				}
			}
			for k := range x {
				xs[k] = append(xs[k], x[k])
			}
			ratio := x[1] / x[0]
			if l.less {
				ratio = 1 / ratio
			}
			ratios = append(ratios, ratio)
			fmt.Fprintf(os.Stderr, "  %s: %.1f %s, bare %.1f: %.2f\n", l.load, x[1], l.unit, x[0], ratio)
		}
		m := quantile(ratios, 0.5)
		rows = append(rows, row{"instance to instance against a bare veth pair: " + l.what, "0.95",
			fmt.Sprintf("%.2f, rounds from %.2f to %.2f (medians: %.1f %s, bare %.1f)", m, ratios[0], ratios[len(ratios)-1], quantile(xs[1], 0.5), l.unit, quantile(xs[0], 0.5)), m >= 0.95})
	}
	return rows, nil
}
