// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

var update = flag.Bool("update", false, "write the goldens")

// openStore returns a store of its own, with real etcd behind it.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := store.StartEmbedded(ctx, t.TempDir(), slog.New(slog.DiscardHandler), store.EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, e.Options())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		e.Close()
	})
	return s
}

// newWorld makes two VPCs with the same range, each with a subnet.
func newWorld(tx *store.Tx) {
	for i := range 2 {
		meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
		v := vpc.VPC{Meta: meta, ID: id[vpc.VPCID]("vpc", i), VNI: uint32(i + 1), CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			DNSSupport: true, DNSHostnames: true, MainTable: id[vpc.RouteTableID]("rtb", i), DefaultGroup: id[vpc.SecurityGroupID]("sg", i)}
		tx.VPCs.Put(v)
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: id[vpc.SubnetID]("subnet", i), VPC: v.ID, Zone: "ap-northeast-1a", CIDR: netip.MustParsePrefix("10.0.1.0/24")})
		tx.RouteTables.Put(vpc.RouteTable{Meta: meta, ID: v.MainTable, Number: uint32(i + 1), VPC: v.ID})
		for g := range 2 {
			group := vpc.SecurityGroup{Meta: meta, ID: id[vpc.SecurityGroupID]("sg", i+10*g), Number: uint32(i + 10*g + 1), VPC: v.ID}
			if g == 0 {
				group.Rules = []vpc.Rule{{ID: "sgr-in", Protocol: -1, From: -1, To: -1, Group: group.ID}}
			}
			tx.SecurityGroups.Put(group)
		}
	}
}

func id[T ~string](prefix string, n int) T { return T(fmt.Sprintf("%s-%017x", prefix, n)) }

// launch puts an instance with its interface.
func launch(tx *store.Tx, n, v int, host string) {
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	i := vpc.Instance{Meta: meta, ID: id[vpc.InstanceID]("i", n), VPC: id[vpc.VPCID]("vpc", v), Subnet: id[vpc.SubnetID]("subnet", v),
		Zone: "ap-northeast-1a", Host: host, ENIs: []vpc.ENIID{id[vpc.ENIID]("eni", n)}, PowerWanted: vpc.PowerOn}
	tx.Instances.Put(i)
	tx.ENIs.Put(vpc.ENI{Meta: meta, ID: i.ENIs[0], Number: uint32(n), VPC: i.VPC, Subnet: i.Subnet, Zone: i.Zone, MAC: fmt.Sprintf("02:01:00:00:00:%02x", n),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + n)})}, Groups: []vpc.SecurityGroupID{id[vpc.SecurityGroupID]("sg", v)},
		Type: "interface", Attachment: &vpc.Attachment{Instance: i.ID}})
}

// connect puts an endpoint with its interface.
func connect(tx *store.Tx, n, v int) {
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	e := vpc.Endpoint{Meta: meta, ID: id[vpc.EndpointID]("vpce", n), VPC: id[vpc.VPCID]("vpc", v), Type: vpc.Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
		Subnets: []vpc.SubnetID{id[vpc.SubnetID]("subnet", v)}, Groups: []vpc.SecurityGroupID{id[vpc.SecurityGroupID]("sg", v+10)},
		ENIs: []vpc.ENIID{id[vpc.ENIID]("eni", 100+n)}, PrivateDNS: n <= 2, Suffix: "abcd1234", Generation: 1}
	tx.Endpoints.Put(e)
	tx.ENIs.Put(vpc.ENI{Meta: meta, ID: e.ENIs[0], Number: uint32(100 + n), VPC: e.VPC, Subnet: e.Subnets[0], Zone: "ap-northeast-1a", MAC: fmt.Sprintf("02:01:00:00:01:%02x", n),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, byte(100 + n)})}, Groups: e.Groups, Type: "vpc_endpoint", Endpoint: e.ID, Attachment: &vpc.Attachment{Device: 1}})
}

func decide(t testing.TB, s *store.Store, f func(tx *store.Tx)) {
	t.Helper()
	if err := s.Decide(t.Context(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

var here = compile.Facts{Host: "local", Live: []string{"local"}}

// text is units as an operator would list them: one a line, sorted. Public names
// of AWS's services are left out: there are many, always the same.
func text(units map[hoststate.Key]hoststate.Unit) string {
	var b strings.Builder
	keys := slices.SortedFunc(maps.Keys(units), func(x, y hoststate.Key) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		if k.Kind == hoststate.KindName && strings.HasPrefix(k.ID, "/") && !strings.Contains(k.ID, "vpce") {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", k, hoststate.Seal(units[k]).Unit)
	}
	return b.String()
}

func golden(t *testing.T, name string, units map[hoststate.Key]hoststate.Unit) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	got := text(units)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTheLifeOfAnEndpoint(t *testing.T) {
	s := openStore(t)
	decide(t, s, newWorld)
	golden(t, "empty", compile.Host(s.View(), here))
	decide(t, s, func(tx *store.Tx) { launch(tx, 1, 0, "local"); launch(tx, 2, 1, "other") })
	golden(t, "instance", compile.Host(s.View(), here))
	decide(t, s, func(tx *store.Tx) { connect(tx, 1, 0) })
	golden(t, "pending", compile.Host(s.View(), here))
	status := func(f func(e *vpc.Endpoint)) {
		decide(t, s, func(tx *store.Tx) {
			e, _ := tx.Endpoints.Get(id[string]("vpce", 1))
			f(&e)
			tx.Endpoints.Put(e)
			tx.Endpoints.PutStatus(e)
		})
	}
	status(func(e *vpc.Endpoint) { e.Status.Ready, e.Status.Private = 1, true })
	golden(t, "available", compile.Host(s.View(), here))
	status(func(e *vpc.Endpoint) { e.DeleteRequested = true })
	golden(t, "deleting", compile.Host(s.View(), here))
	status(func(e *vpc.Endpoint) { e.Status.Closed = true })
	decide(t, s, func(tx *store.Tx) {
		eni, _ := tx.ENIs.Get(id[string]("eni", 101))
		eni.Withdrawn = true
		tx.ENIs.Put(eni)
	})
	golden(t, "instance", compile.Host(s.View(), here)) // as before the endpoint
}

// TestChangesLeadWhereTheWholeLeads makes random changes and holds what the
// compilers of two hosts have kept up to date against everything made anew.
func TestChangesLeadWhereTheWholeLeads(t *testing.T) {
	s := openStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		decide(t, s, clear)
		decide(t, s, newWorld)
		live := []string{"local", "other"}
		type follower struct {
			c    *compile.Compiler
			f    *store.Follower
			held map[hoststate.Key]hoststate.Unit
		}
		hosts := map[string]follower{}
		for _, h := range live {
			f := s.Follow()
			defer f.Close()
			hosts[h] = follower{compile.New(), f, map[hoststate.Key]hoststate.Unit{}}
		}
		// One more hears of nothing but the beginning and the end: in which steps, and
		// in which order, changes come must not matter.
		late, lateFollows := compile.New(), s.Follow()
		defer lateFollows.Close()
		first, err := lateFollows.Next(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		late.Update(first, compile.Facts{Host: "local", Live: live})
		defer func() {
			step, err := lateFollows.Next(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			facts := compile.Facts{Host: "local", Live: live}
			late.Update(step, facts)
			if diff := cmp.Diff(text(compile.Host(step.View, facts)), text(late.Units())); diff != "" {
				rt.Fatalf("all at once (-whole +changes):\n%s", diff)
			}
		}()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			for range rapid.IntRange(1, 4).Draw(rt, "changes") {
				decide(t, s, func(tx *store.Tx) { change(rt, tx) })
			}
			if rapid.IntRange(0, 5).Draw(rt, "live") == 0 {
				live = [][]string{{"local", "other"}, {"other"}, {"local"}, {}}[rapid.IntRange(0, 3).Draw(rt, "hosts")]
				decide(t, s, func(tx *store.Tx) { touch(tx) })
			}
			for h, x := range hosts {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				step, err := x.f.Next(ctx)
				cancel()
				if err != nil {
					rt.Fatal(err)
				}
				facts := compile.Facts{Host: h, Live: live}
				set, gone := x.c.Update(step, facts)
				for _, u := range set {
					x.held[u.Key()] = u
				}
				for _, k := range gone {
					delete(x.held, k)
				}
				want := compile.Host(step.View, facts)
				if diff := cmp.Diff(text(want), text(x.held)); diff != "" {
					rt.Fatalf("host %s (-whole +changes):\n%s", h, diff)
				}
			}
		}
	})
}

// touch changes a row that no unit depends on much, so that there is a step.
func touch(tx *store.Tx) {
	v, _ := tx.VPCs.Get(id[string]("vpc", 0))
	v.Tags = map[string]string{"id": tx.NewID("x")}
	tx.VPCs.Put(v)
}

func clear(tx *store.Tx) {
	for _, i := range slices.Collect(tx.Instances.All()) {
		tx.Instances.Delete(string(i.ID))
	}
	for _, e := range slices.Collect(tx.ENIs.All()) {
		tx.ENIs.Delete(string(e.ID))
	}
	for _, e := range slices.Collect(tx.Endpoints.All()) {
		tx.Endpoints.Delete(string(e.ID))
	}
}

// change makes one random change.
func change(rt *rapid.T, tx *store.Tx) {
	n, v := rapid.IntRange(1, 4).Draw(rt, "n"), rapid.IntRange(0, 1).Draw(rt, "vpc")
	host := rapid.SampledFrom([]string{"local", "other"}).Draw(rt, "host")
	table := func(name string) vpc.RouteTable { t, _ := tx.RouteTables.Get(name); return t }
	touch(tx)
	switch rapid.SampledFrom([]string{"launch", "terminate", "forget", "connect", "ready", "delete", "closed", "withdraw", "drop", "rule", "groups", "route", "dns", "table"}).Draw(rt, "what") {
	case "launch":
		if _, ok := tx.Instances.Get(id[string]("i", n)); !ok {
			launch(tx, n, n%2, host) // an id has one VPC for ever
		}
	case "terminate":
		if i, ok := tx.Instances.Get(id[string]("i", n)); ok {
			i.PowerWanted = vpc.PowerTerminated
			tx.Instances.Put(i)
		}
	case "forget":
		tx.Instances.Delete(id[string]("i", n))
		tx.ENIs.Delete(id[string]("eni", n))
	case "connect":
		if _, ok := tx.Endpoints.Get(id[string]("vpce", n)); !ok {
			connect(tx, n, n%2)
		}
	case "ready", "closed", "delete":
		if e, ok := tx.Endpoints.Get(id[string]("vpce", n)); ok {
			e.Status.Ready, e.Status.Private = e.Generation, true
			tx.Endpoints.PutStatus(e)
			e.DeleteRequested = v == 1
			tx.Endpoints.Put(e)
		}
	case "withdraw":
		if e, ok := tx.ENIs.Get(id[string]("eni", n+100*v)); ok {
			e.Withdrawn = true
			tx.ENIs.Put(e)
		}
	case "drop":
		tx.Endpoints.Delete(id[string]("vpce", n))
		tx.ENIs.Delete(id[string]("eni", n+100))
	case "rule":
		g, _ := tx.SecurityGroups.Get(id[string]("sg", v+10))
		g.Rules = []vpc.Rule{{ID: "sgr-1", Protocol: 6, From: n, To: n, Group: id[vpc.SecurityGroupID]("sg", v)}}
		tx.SecurityGroups.Put(g)
	case "groups":
		if e, ok := tx.ENIs.Get(id[string]("eni", n)); ok {
			e.Groups = []vpc.SecurityGroupID{id[vpc.SecurityGroupID]("sg", v), id[vpc.SecurityGroupID]("sg", v+10)}[:1+n%2]
			tx.ENIs.Put(e)
		}
	case "route":
		t := table(id[string]("rtb", n%2)) // routes stay in their VPC
		t.Routes = []vpc.Route{{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Instance: id[vpc.InstanceID]("i", n)}}
		tx.RouteTables.Put(t)
	case "dns":
		x, _ := tx.VPCs.Get(id[string]("vpc", v))
		x.DNSHostnames = n%2 == 0
		tx.VPCs.Put(x)
	case "table":
		t := vpc.RouteTable{Meta: vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}, ID: id[vpc.RouteTableID]("rtb", 50+v), Number: uint32(50 + v), VPC: id[vpc.VPCID]("vpc", v)}
		if n%2 == 0 {
			t.Associations = []vpc.TableAssociation{{ID: "rtbassoc-1", Subnet: id[vpc.SubnetID]("subnet", v)}}
		}
		tx.RouteTables.Put(t)
	}
}
