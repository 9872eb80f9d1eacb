// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// TestChangesLeadWhereTheWholeLeads makes random changes and holds what the
// compilers of two hosts have kept up to date against everything made anew.
func TestChangesLeadWhereTheWholeLeads(t *testing.T) {
	s := apitest.OpenStore(t)
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
	for _, h := range slices.Collect(tx.Hosts.All()) {
		tx.Hosts.Delete(h.Name)
	}
	for _, g := range slices.Collect(tx.Gateways.All()) {
		tx.Gateways.Delete(string(g.ID))
	}
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
	switch rapid.SampledFrom([]string{"launch", "terminate", "forget", "connect", "ready", "delete", "closed", "withdraw", "drop", "rule", "groups", "route", "dns", "table", "attach", "detach", "route to one attached", "tunnel", "gateway", "route to a gateway", "public"}).Draw(rt, "what") {
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
		if e, ok := tx.ENIs.Get(id[string]("eni", n+200)); ok {
			tx.ENIs.Put(e.Release())
		}
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
	case "tunnel":
		h := store.Host{Name: host}
		if n > 1 {
			h.Tunnel = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		}
		tx.Hosts.Put(h)
	case "attach", "detach":
		attach(tx, n)
	case "gateway":
		g := vpc.InternetGateway{Meta: vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}, ID: id[vpc.GatewayID]("igw", v)}
		switch n {
		case 1:
			tx.Gateways.Delete(string(g.ID))
			return
		case 2, 3:
			g.VPC = id[vpc.VPCID]("vpc", n-2)
			for range tx.Gateways.By("vpc", string(g.VPC)) {
				return // a VPC has one
			}
		}
		tx.Gateways.Put(g)
	case "route to a gateway":
		t := table(id[string]("rtb", n%2))
		t.Routes = []vpc.Route{{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: id[vpc.GatewayID]("igw", v)}}
		tx.RouteTables.Put(t)
	case "public":
		if e, ok := tx.ENIs.Get(id[string]("eni", n)); ok {
			e.Public = netip.Addr{}
			if v == 1 {
				e.Public = netip.AddrFrom4([4]byte{198, 19, 0, byte(n)})
			}
			tx.ENIs.Put(e)
		}
	case "route to one attached":
		t := table(id[string]("rtb", n%2))
		t.Routes = []vpc.Route{{Prefix: netip.MustParsePrefix("0.0.0.0/0"), ENI: id[vpc.ENIID]("eni", n+200)}}
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

// attach gives instance n a second interface, or takes it away, if it runs.
func attach(tx *store.Tx, n int) {
	i, ok := tx.Instances.Get(id[string]("i", n))
	if !ok || i.PowerWanted != vpc.PowerOn {
		return
	}
	first, _ := tx.ENIs.Get(string(i.ENIs[0]))
	e, ok := tx.ENIs.Get(id[string]("eni", n+200))
	if !ok {
		e = first
		e.ID, e.Number, e.Attachment = id[vpc.ENIID]("eni", n+200), uint32(n+200), nil
		e.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + n)})}
		e.Public = netip.Addr{} // that is the first one's alone
	}
	var err error
	f := vpc.Fresh{ID: tx.NewID, Number: tx.Number}
	if e.Attachment == nil {
		first.Attachment = &vpc.Attachment{Instance: i.ID}
		e, i, err = e.Attach(f, i, []vpc.ENI{first}, 1)
	} else {
		e, i, err = e.Detach(i)
	}
	if err != nil {
		panic(err)
	}
	tx.ENIs.Put(e)
	tx.Instances.Put(i)
}

// In between no instance is in the network, and the first host would take part in it.
func TestOneInstanceGoesAndAnotherComesInOneStep(t *testing.T) {
	s := apitest.OpenStore(t)
	decide(t, s, newWorld)
	decide(t, s, clear)
	decide(t, s, func(tx *store.Tx) {
		launch(tx, 1, 1, "other")
		connect(tx, 1, 1)
		e, _ := tx.Endpoints.Get(id[string]("vpce", 1))
		e.Status.Ready, e.Status.Private = e.Generation, true
		tx.Endpoints.PutStatus(e)
	})
	f, c := s.Follow(), compile.New()
	defer f.Close()
	facts := compile.Facts{Host: "local", Live: []string{"local", "other"}}
	follow := func() {
		t.Helper()
		step, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Update(step, facts)
		if diff := cmp.Diff(text(compile.Host(step.View, facts)), text(c.Units())); diff != "" {
			t.Errorf("-whole +changes:\n%s", diff)
		}
	}
	follow()
	decide(t, s, func(tx *store.Tx) {
		tx.Instances.Delete(id[string]("i", 1))
		tx.ENIs.Delete(id[string]("eni", 1))
	})
	decide(t, s, func(tx *store.Tx) { launch(tx, 3, 1, "other") })
	follow()
}
