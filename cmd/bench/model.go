// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// changeMain is `bench change INTERFACES DIR`: makes a model, then a few changes
// for each line it reads, and tells how long they took.
func changeMain(ctx context.Context, args []string) (err error) {
	if len(args) != 2 {
		return errors.New("usage: change INTERFACES DIR")
	}
	interfaces, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir := args[1]
	pins := filepath.Join(dir, "pins")
	if err := os.MkdirAll(pins, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("bpf", pins, "bpf", 0, ""); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Unmount(pins, unix.MNT_DETACH)) }()
	log := slog.New(slog.DiscardHandler)
	e, err := store.StartEmbedded(ctx, filepath.Join(dir, "etcd"), log, store.EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := store.Open(ctx, e.Options())
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := populate(ctx, s, interfaces); err != nil {
		return err
	}
	// The namespace is the benchmark's own: nothing is attached.
	d, err := datapath.Open(datapath.Options{Pins: pins, Log: log})
	if err != nil {
		return err
	}
	defer d.Close()
	return changes(ctx, s, d)
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

// changesARound are few: the fewer, the more alike is the machine for
// those that are compared.
const changesARound = 10

// changes carries out a few for each line of stdin.
func changes(ctx context.Context, s *store.Store, d *datapath.Datapath) error {
	f := s.Follow()
	defer f.Close()
	m := &model{s: s, f: f, c: compile.New(), d: d}
	step, err := f.Next(ctx)
	if err != nil {
		return err
	}
	set, _ := m.c.Update(step, here)
	if _, err := d.ApplyFull(set); err != nil {
		return err
	}
	// A heap that grows for the first time pays for each page that it touches, up to ten of
	// them a change. One that has been collected uses again what making the model took.
	runtime.GC()
	for range 5 { // warms up
		if err := m.few(ctx, new(stages)); err != nil {
			return err
		}
	}
	return help(func(string) (any, error) {
		s := new(stages)
		return s, m.few(ctx, s)
	})
}

var here = compile.Facts{Host: "local", Live: []string{"local"}}

// model is the three rooms that a change goes through.
type model struct {
	s *store.Store
	f *store.Follower
	c *compile.Compiler
	d *datapath.Datapath
	n int
}

func (m *model) few(ctx context.Context, medians *stages) error {
	var us [4][]float64
	for range changesARound {
		t, err := m.change(ctx)
		if err != nil {
			return err
		}
		for i := range 3 {
			us[i] = append(us[i], float64(t[i+1].Sub(t[i]).Nanoseconds())/1e3)
		}
		us[3] = append(us[3], float64(t[3].Sub(t[0]).Nanoseconds())/1e3)
	}
	*medians = stages{quantile(us[0], 0.5), quantile(us[1], 0.5), quantile(us[2], 0.5), quantile(us[3], 0.5)}
	return nil
}

// change replaces the group's one rule, and returns when it began and when it was
// decided, compiled and applied.
func (m *model) change(ctx context.Context) (t [4]time.Time, err error) {
	m.n++
	port := 1000 + m.n%50_000
	t[0] = time.Now()
	if err := m.s.Decide(ctx, func(tx *store.Tx) error {
		g, _ := tx.SecurityGroups.Get("sg-00000000000000001")
		g.Rules = []vpc.Rule{{ID: "sgr-00000000000000001", Protocol: 6, From: port, To: port, CIDR: netip.MustParsePrefix("10.0.0.0/8")}}
		tx.SecurityGroups.Put(g)
		return nil
	}); err != nil {
		return t, err
	}
	step, err := m.f.Next(ctx)
	if err != nil {
		return t, err
	}
	t[1] = time.Now()
	set, gone := m.c.Update(step, here)
	t[2] = time.Now()
	if len(set) != 1 || len(gone) != 0 {
		return t, fmt.Errorf("a rule change set %d units and removed %d, want 1 and 0", len(set), len(gone))
	}
	n, err := m.d.Apply(set, gone)
	t[3] = time.Now()
	if err == nil && n == 0 {
		err = errors.New("a rule change wrote nothing to the kernel")
	}
	return t, err
}
