// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// world is a store with what hosts have said of it so far.
type world struct {
	t       testing.TB
	s       *store.Store
	l       *Lifecycle
	reports []hoststate.Report
	at      hoststate.Position // kept by mark
}

// openStore returns a store of its own, with real etcd behind it.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := store.StartEmbedded(ctx, t.TempDir(), quiet, store.EmbedOptions{UnsafeNoFsync: true})
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
		if err := errors.Join(<-ended, e.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newWorld has one VPC, and a lifecycle that does not run by itself.
func newWorld(t testing.TB) *world {
	w := &world{t: t, s: openStore(t)}
	w.l = New(w.s, quiet)
	w.decide(func(tx *store.Tx) {
		tx.VPCs.Put(vpc.VPC{ID: "vpc-1", VNI: 256, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}})
		tx.Subnets.Put(vpc.Subnet{ID: "subnet-1", VPC: "vpc-1", CIDR: netip.MustParsePrefix("10.0.1.0/24")})
	})
	return w
}

func (w *world) decide(f func(tx *store.Tx)) {
	w.t.Helper()
	if err := w.s.Decide(w.t.Context(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// What people want.

func (w *world) launch(id, host string) {
	w.decide(func(tx *store.Tx) {
		eni := vpc.ENIID("eni-" + id)
		tx.Instances.Put(vpc.Instance{ID: vpc.InstanceID(id), VPC: "vpc-1", Subnet: "subnet-1", Host: host, ENIs: []vpc.ENIID{eni}, PowerWanted: vpc.PowerOn})
		tx.ENIs.Put(vpc.ENI{ID: eni, VPC: "vpc-1", Subnet: "subnet-1", Attachment: &vpc.Attachment{Instance: vpc.InstanceID(id), DeleteOnTermination: true}})
	})
}

// attach gives an instance a second interface.
func (w *world) attach(id string, eni vpc.ENIID) {
	w.decide(func(tx *store.Tx) {
		i, _ := tx.Instances.Get(id)
		i.ENIs = append(slices.Clip(i.ENIs), eni)
		tx.Instances.Put(i)
		tx.ENIs.Put(vpc.ENI{ID: eni, VPC: "vpc-1", Subnet: "subnet-1", Attachment: &vpc.Attachment{Instance: i.ID, Device: 1}})
	})
}

func (w *world) deleteInterface(id string) {
	w.decide(func(tx *store.Tx) {
		e, _ := tx.ENIs.Get(id)
		e, err := e.Delete()
		if err != nil {
			w.t.Error(err)
		}
		tx.ENIs.Put(e)
	})
}

func (w *world) terminate(id string) { w.power(id, vpc.PowerTerminated) }

func (w *world) power(id string, p vpc.Power) {
	w.decide(func(tx *store.Tx) {
		i, _ := tx.Instances.Get(id)
		i.PowerWanted = p
		tx.Instances.Put(i)
	})
}

func (w *world) start(id string) {
	w.decide(func(tx *store.Tx) {
		i, _ := tx.Instances.Get(id)
		i, err := i.Start(tx.Now())
		if err != nil {
			w.t.Error(err)
		}
		tx.Instances.Put(i)
	})
}

func (w *world) connect(id string, enis ...vpc.ENIID) {
	w.decide(func(tx *store.Tx) {
		tx.Endpoints.Put(vpc.Endpoint{ID: vpc.EndpointID(id), VPC: "vpc-1", Type: vpc.Interface, ENIs: enis, Generation: 1})
		for _, eni := range enis {
			tx.ENIs.Put(vpc.ENI{ID: eni, VPC: "vpc-1", Subnet: "subnet-1", Endpoint: vpc.EndpointID(id), Attachment: &vpc.Attachment{Device: 1}})
		}
	})
}

// modify has one more wish of an endpoint: a private name, or none.
func (w *world) modify(id string, private bool) {
	w.decide(func(tx *store.Tx) {
		e, _ := tx.Endpoints.Get(id)
		e.PrivateDNS, e.Generation = private, e.Generation+1
		tx.Endpoints.Put(e)
	})
}

func (w *world) delete(id string) {
	w.decide(func(tx *store.Tx) {
		e, _ := tx.Endpoints.Get(id)
		e.DeleteRequested = true
		tx.Endpoints.Put(e)
	})
}

// What hosts say.

func (w *world) position() hoststate.Position {
	v := w.s.View()
	return hoststate.Position{Incarnation: v.Incarnation(), Revision: v.Revision()}
}

func (w *world) mark() { w.at = w.position() }

func (w *world) report(r hoststate.Report) {
	w.reports = append(w.reports, r)
	w.l.Report(r)
}

func (w *world) ready(host, endpoint string, generation int64) {
	w.report(hoststate.Report{Host: host, Role: hoststate.RoleAgent, Position: w.position(), Ready: map[string]int64{endpoint: generation}})
}

func (w *world) closed(host, endpoint string) {
	w.report(hoststate.Report{Host: host, Role: hoststate.RoleGateway, Position: w.position(), Closed: []string{endpoint}})
}

func (w *world) runs(host, instance string, state hoststate.InstanceState, reason string) {
	w.says(host, instance, hoststate.InstanceReport{State: state, Reason: reason})
}

func (w *world) says(host, instance string, r hoststate.InstanceReport) {
	w.report(hoststate.Report{Host: host, Role: hoststate.RoleAgent, Position: w.position(), Instances: map[string]hoststate.InstanceReport{instance: r}})
}

func (w *world) reached(host string, role hoststate.Role, p hoststate.Position) {
	w.report(hoststate.Report{Host: host, Role: role, Position: p})
}

// confirm has both processes of the hosts come to where control is.
func (w *world) confirm(hosts ...string) {
	for _, h := range hosts {
		w.reached(h, hoststate.RoleAgent, w.position())
		w.reached(h, hoststate.RoleGateway, w.position())
	}
}

// settle brings everything as far as it goes, without Run. It looks at every row
// as a lifecycle that begins does.
func (w *world) settle() {
	w.t.Helper()
	for range 10 {
		before := w.s.View().Revision()
		w.l.take(store.Step{View: w.s.View(), All: true})
		if err := w.l.settle(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if w.s.View().Revision() == before {
			return
		}
	}
	w.t.Fatal("it does not come to an end")
}

// state is what callers see, and the interfaces whose addresses are taken.
func (w *world) state() string { return stateOf(w.s.View()) }

func stateOf(v *store.View) string {
	var all []string
	for e := range v.Endpoints.All() {
		all = append(all, fmt.Sprintf("%s %s", e.ID, e.State()))
		if e.Status.Private {
			all = append(all, "private")
		}
	}
	for i := range v.Instances.All() {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", i.ID, i.State().Name, i.Status.Reason)))
	}
	for e := range v.ENIs.All() {
		if e.Withdrawn {
			all = append(all, "("+string(e.ID)+")")
		} else {
			all = append(all, string(e.ID))
		}
	}
	return strings.Join(all, ", ")
}

// age lets time go by for what is gone.
func (w *world) age(d time.Duration) {
	w.decide(func(tx *store.Tx) {
		for e := range tx.Endpoints.All() {
			if !e.Status.Gone.IsZero() {
				e.Status.Gone = e.Status.Gone.Add(-d)
				tx.Endpoints.PutStatus(e)
			}
		}
		for i := range tx.Instances.All() {
			if !i.Status.Gone.IsZero() {
				i.Status.Gone = i.Status.Gone.Add(-d)
				tx.Instances.PutStatus(i)
			}
		}
	})
}

// remembered is what is still known of rows, by name.
func (w *world) remembered() map[string]bool {
	all := map[string]bool{}
	o := w.l.seen
	for _, m := range o.Ready {
		for id := range m {
			all[id] = true
		}
	}
	for _, m := range o.Closed {
		maps.Copy(all, m)
	}
	for _, m := range o.Instances {
		for id := range m {
			all[id] = true
		}
	}
	return all
}
