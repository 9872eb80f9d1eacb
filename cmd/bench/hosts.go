// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"time"

	"enishi.dev/enishi/netns"
)

// underlayMTU is that of the network between hosts: jumbo frames, as far as usual
// switches carry them.
const underlayMTU = 9000

// The addresses in the network between two hosts.
var underlay = [2]netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.AddrFrom4([4]byte{192, 0, 2, 2})}

// twoHosts holds two instances of one VPC on two hosts against kernel VXLAN between
// the same namespaces, and names beside it kernel VXLAN by a bridge and a veth pair
// on each host, which has namespaces that are not the host's own links.
func twoHosts(ctx context.Context, b *bench) ([]row, error) {
	if err := b.stop(); err != nil {
		return nil, err
	}
	plain, clean, err := b.vxlan("kernel", (*tunnelEnd).direct)
	defer func() { clean() }()
	if err != nil {
		return nil, err
	}
	bridged, unbridge, err := b.vxlan("kernel VXLAN by bridges", (*tunnelEnd).bridged)
	defer func() { unbridge() }()
	if err != nil {
		return nil, err
	}
	other, leave, err := b.otherHost(ctx)
	defer func() { leave() }()
	if err != nil {
		return nil, err
	}
	ours, err := b.apart(ctx, other)
	defer ours.end()
	if err != nil {
		return nil, err
	}
	return b.pairs(ctx, 1, "the same over two hosts against kernel VXLAN", []pair{plain, bridged, ours}, nil)
}

// otherHost starts enishi here and a second host in a namespace of its own, and
// returns that one's run directory.
func (b *bench) otherHost(ctx context.Context) (run string, leave func(), err error) {
	ns, remove, err := b.namespaces("other")
	leave = remove
	if err != nil {
		return "", leave, err
	}
	here, err := netns.Open("/proc/self/ns/net")
	if err != nil {
		return "", leave, err
	}
	defer here.Close()
	if err := cable([2]*netns.Namespace{here, ns[0]}); err != nil {
		return "", leave, err
	}
	leave = func() { _ = cut(here); remove() }
	if _, err := b.start(ctx, "--hosts-listen", underlay[0].String()+":0", "--tunnel-address", underlay[0].String()); err != nil {
		return "", leave, err
	}
	said, err := exec.Command(b.enishi, "--run-dir", b.run, "host", "add", "other", "--output", "json").Output()
	if err != nil {
		return "", leave, fmt.Errorf("host add: %w", err)
	}
	var in struct {
		Control, Token string
		CA             string `json:"caSha256"`
	}
	if err := json.Unmarshal(said, &in); err != nil {
		return "", leave, err
	}
	run = filepath.Join(b.dir, "other-run")
	host := exec.Command("nsenter", "--net="+ns[0].Path(), b.enishi, "--run-dir", run, "host", "join", "--control", in.Control, "--ca-sha256", in.CA,
		"--token", in.Token, "--name", "other", "--tunnel-address", underlay[1].String(), "--data-dir", filepath.Join(b.dir, "other-data"))
	ended, err := background(host)
	if err != nil {
		return "", leave, err
	}
	leave = func() {
		_ = b.stop()
		_ = terminate(host, ended)
		_ = cut(here)
		remove()
	}
	return run, leave, b.joined()
}

// joined waits until the second host is live.
func (b *bench) joined() error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		said, err := exec.Command(b.enishi, "--run-dir", b.run, "host", "list", "--output", "json").Output()
		if err != nil {
			return fmt.Errorf("host list: %w", err)
		}
		var list []struct {
			Name string
			Live bool
		}
		if err := json.Unmarshal(said, &list); err != nil {
			return err
		}
		for _, h := range list {
			if h.Name == "other" && h.Live {
				return nil
			}
		}
	}
	return errors.New("the second host is not live within 10 s")
}

// apart is two instances of one VPC, on the host that has control and on the other.
func (b *bench) apart(ctx context.Context, other string) (p pair, err error) {
	at, err := b.newPlace(ctx)
	if err != nil {
		return p, err
	}
	var ids, addresses [2]string // here, there
	for range ids {
		id, address, err := b.launch(ctx, at)
		if err != nil {
			return p, err
		}
		where := 0
		if exec.Command(b.enishi, "--run-dir", other, "exec", id, "--", "true").Run() == nil {
			where = 1
		}
		ids[where], addresses[where] = id, address
	}
	if ids[0] == "" || ids[1] == "" {
		return p, errors.New("two instances are not on two hosts")
	}
	return b.instances(b.run, ids[0], other, ids[1], addresses[1])
}

// cable joins two hosts by a link, with an address each.
func cable(hosts [2]*netns.Namespace) error {
	pair, err := veths(hosts[0], hosts[1], netns.Veth{Outer: "under", Inner: "under", MTU: underlayMTU})
	if err != nil {
		return err
	}
	for i, index := range []int{pair.Outer, pair.Inner} {
		err := hosts[i].WithLinks(func(l *netns.Links) error { return l.AddAddress(index, netip.PrefixFrom(underlay[i], 24)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// cut undoes cable.
func cut(host *netns.Namespace) error {
	return host.WithLinks(func(l *netns.Links) error { return l.Remove("under") })
}
