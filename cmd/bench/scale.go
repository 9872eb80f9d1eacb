// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/netns"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// scale holds one rule change with many interfaces in the model against one with
// a few: decide, compile, apply, by the three rooms that do it.
func scale(ctx context.Context, b *bench) ([]row, error) {
	many := 100_000
	if b.quick {
		many = 2_000
	}
	var us [2]float64
	for i, n := range []int{10, many} {
		var err error
		if us[i], err = b.oneChange(ctx, n); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "  %d interfaces: %.0f µs\n", n, us[i])
	}
	ratio := us[1] / us[0]
	return []row{{fmt.Sprintf("one rule change: %d interfaces against 10 (decide, compile, apply)", many), "1.5 times at most",
		fmt.Sprintf("%.2f times (%.0f µs, %.0f µs)", ratio, us[1], us[0]), ratio <= 1.5}}, nil
}

// oneChange returns the median time of a change, in microseconds.
func (b *bench) oneChange(ctx context.Context, interfaces int) (_ float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir := filepath.Join(b.dir, fmt.Sprint("scale", interfaces))
	pins := filepath.Join(dir, "pins")
	if err := os.MkdirAll(pins, 0o700); err != nil {
		return 0, err
	}
	if err := unix.Mount("bpf", pins, "bpf", 0, ""); err != nil {
		return 0, err
	}
	defer func() { _ = unix.Unmount(pins, unix.MNT_DETACH) }()
	log := slog.New(slog.DiscardHandler)
	e, err := store.StartEmbedded(ctx, filepath.Join(dir, "etcd"), log, store.EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		return 0, err
	}
	defer e.Close()
	s, err := store.Open(ctx, e.Options())
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := populate(ctx, s, interfaces); err != nil {
		return 0, err
	}
	ns, _, err := netns.Make(filepath.Join(dir, "ns"))
	if err != nil {
		return 0, err
	}
	defer func() { ns.Close(); _ = netns.Remove(ns.Path()) }()
	var d *datapath.Datapath
	if err := ns.Do(func() (err error) {
		d, err = datapath.Open(datapath.Options{Pins: pins, Log: log})
		return err
	}); err != nil {
		return 0, err
	}
	defer d.Close()
	return change(ctx, s, d)
}

// populate makes a VPC with instances, a thousand a decision.
func populate(ctx context.Context, s *store.Store, interfaces int) error {
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	err := s.Decide(ctx, func(tx *store.Tx) error {
		tx.VPCs.Put(vpc.VPC{Meta: meta, ID: "vpc-00000000000000001", VNI: 256, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, MainTable: "rtb-00000000000000001"})
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: "subnet-00000000000000001", VPC: "vpc-00000000000000001", CIDR: netip.MustParsePrefix("10.0.0.0/8")})
		tx.RouteTables.Put(vpc.RouteTable{Meta: meta, ID: "rtb-00000000000000001", Number: 1, VPC: "vpc-00000000000000001"})
		tx.SecurityGroups.Put(vpc.SecurityGroup{Meta: meta, ID: "sg-00000000000000001", Number: 1, VPC: "vpc-00000000000000001"})
		return nil
	})
	for n := 0; n < interfaces && err == nil; n += 1000 {
		err = s.Decide(ctx, func(tx *store.Tx) error {
			for i := n; i < min(n+1000, interfaces); i++ {
				id, eni := vpc.InstanceID(fmt.Sprintf("i-%017x", i)), vpc.ENIID(fmt.Sprintf("eni-%017x", i))
				tx.Instances.Put(vpc.Instance{Meta: meta, ID: id, VPC: "vpc-00000000000000001", Subnet: "subnet-00000000000000001", Host: "local", ENIs: []vpc.ENIID{eni}, PowerWanted: vpc.PowerOn})
				tx.ENIs.Put(vpc.ENI{Meta: meta, ID: eni, Number: uint32(i + 1), VPC: "vpc-00000000000000001", Subnet: "subnet-00000000000000001",
					MAC: fmt.Sprintf("02:01:%02x:%02x:%02x:%02x", byte(i>>24), byte(i>>16), byte(i>>8), byte(i)), Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})},
					Groups: []vpc.SecurityGroupID{"sg-00000000000000001"}, Attachment: &vpc.Attachment{Instance: id}})
			}
			return nil
		})
	}
	return err
}

// change makes the same kind of rule change again and again.
func change(ctx context.Context, s *store.Store, d *datapath.Datapath) (float64, error) {
	f := s.Follow()
	defer f.Close()
	c, facts := compile.New(), compile.Facts{Host: "local", Live: []string{"local"}}
	step, err := f.Next(ctx)
	if err != nil {
		return 0, err
	}
	set, _ := c.Update(step, facts)
	if _, err := d.ApplyFull(set); err != nil {
		return 0, err
	}
	var us []float64
	for i := range 200 {
		begun := time.Now()
		err := s.Decide(ctx, func(tx *store.Tx) error {
			g, _ := tx.SecurityGroups.Get("sg-00000000000000001")
			g.Rules = []vpc.Rule{{ID: "sgr-00000000000000001", Protocol: 6, From: 1000 + i, To: 1000 + i, CIDR: netip.MustParsePrefix("10.0.0.0/8")}}
			tx.SecurityGroups.Put(g)
			return nil
		})
		if err != nil {
			return 0, err
		}
		if step, err = f.Next(ctx); err != nil {
			return 0, err
		}
		set, gone := c.Update(step, facts)
		if len(set) != 1 {
			return 0, fmt.Errorf("a rule change changed %d units", len(set))
		}
		if _, err := d.Apply(set, gone); err != nil {
			return 0, err
		}
		us = append(us, float64(time.Since(begun).Microseconds()))
	}
	return quantile(us, 0.5), nil
}
