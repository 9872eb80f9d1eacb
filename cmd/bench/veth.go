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

// measureMain is `bench measure HOST DURATION`, inside a namespace.
func measureMain(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: measure HOST DURATION")
	}
	d, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	f, err := measure(args[0], d)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// pair is two ends between which loads run.
type pair struct {
	server *helper
	client func(args ...string) *exec.Cmd
	host   string
}

func (p pair) measure(d time.Duration) (f figures, err error) {
	out, err := p.client("measure", p.host, d.String()).Output()
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(out, &f)
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
	var stream, p50, connect []float64
	for i := range rounds {
		var f [2]figures
		for k := range 2 { // A B, B A, A B, …
			which := (i + k) % 2
			if f[which], err = []pair{bare, ours}[which].measure(d); err != nil {
				return nil, err
			}
		}
		stream = append(stream, f[1].Gbits/f[0].Gbits)
		p50 = append(p50, f[0].P50/f[1].P50)
		connect = append(connect, f[1].Connect/f[0].Connect)
		fmt.Fprintf(os.Stderr, "  %.1f / %.1f Gbit/s, p50 %.1f / %.1f µs, %.0f / %.0f connects/s\n", f[1].Gbits, f[0].Gbits, f[1].P50, f[0].P50, f[1].Connect, f[0].Connect)
	}
	ratio := func(what string, xs []float64) row {
		m := quantile(xs, 0.5)
		return row{"instance to instance against a bare veth pair: " + what, "0.95", fmt.Sprintf("%.2f", m), m >= 0.95}
	}
	return []row{ratio("one stream", stream), ratio("request/response p50", p50), ratio("connect and close", connect)}, nil
}
