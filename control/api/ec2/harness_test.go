// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what comes into the scripts")

// TestScripts runs testdata/<Action>.txtar; package apitest says what they can do. More here:
//
//	default-vpc                                    makes the caller's default VPC, as setting up an account does
//	ready ENDPOINT                                 has hosts report that they reached it
//	running INSTANCE                               has its host report that it runs
//	stopped INSTANCE                               has its host report that it has stopped
//	console INSTANCE TEXT                          has its host tell what its script wrote
//	gone ENDPOINT|INSTANCE                         has hosts let go of what is to be deleted
//	interface SUBNET ADDRESS [attached] [GROUP]    makes an interface, as launching an instance does
func TestScripts(t *testing.T) {
	apitest.Run(t, apitest.Options{
		Dir: "testdata", Update: *update,
		Services: func(s *store.Store) []api.Service {
			return []api.Service{New(Options{Store: s, Hosts: func() []string { return []string{"local"} }, Now: func() time.Time { return apitest.Now }}).Service()}
		},
		Cmds: map[string]func(*apitest.World, *testscript.TestScript, bool, []string){
			"default-vpc": makeDefaultVPC,
			"interface":   makeInterface,
			"ready":       reachEndpoint,
			"running":     runInstance,
			"stopped":     stopInstance,
			"console":     tellConsole,
			"gone":        endResource,
		},
	})
}

func makeInterface(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(w.Store().Decide(context.Background(), func(tx *store.Tx) error {
		n, ok := tx.Subnets.Get(w.Real(args[0]))
		if !ok {
			return fmt.Errorf("no subnet %s", args[0])
		}
		v, _ := tx.VPCs.Get(string(n.VPC))
		e := vpc.NewENI(fresh(tx), vpc.ENISpec{
			Owner: vpc.Meta{Account: n.Account, Region: n.Region}, Subnet: n,
			Address: netip.MustParseAddr(args[1]), Groups: []vpc.SecurityGroupID{v.DefaultGroup},
		})
		for _, a := range args[2:] {
			if a == "attached" {
				e.Attachment = &vpc.Attachment{ID: tx.NewID("eni-attach"), At: tx.Now()}
			} else {
				e.Groups = []vpc.SecurityGroupID{vpc.SecurityGroupID(w.Real(a))}
			}
		}
		tx.ENIs.Put(e)
		w.Named(string(e.ID))
		return nil
	}))
}

func makeDefaultVPC(w *apitest.World, ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(w.Store().Decide(context.Background(), func(tx *store.Tx) error {
		return New(Options{Store: w.Store()}).ensureDefaultVPC(tx, w.Account(), w.Region())
	}))
}

// status changes the status of the endpoint or instance that a script names, as lifecycle does.
func status(w *apitest.World, ts *testscript.TestScript, name string, e func(*vpc.Endpoint, time.Time), i func(*vpc.Instance, time.Time)) {
	ts.Check(w.Store().Decide(context.Background(), func(tx *store.Tx) error {
		if row, ok := tx.Endpoints.Get(w.Real(name)); ok && e != nil {
			e(&row, tx.Now())
			tx.Endpoints.PutStatus(row)
			return nil
		}
		if row, ok := tx.Instances.Get(w.Real(name)); ok && i != nil {
			i(&row, tx.Now())
			tx.Instances.PutStatus(row)
			return nil
		}
		return fmt.Errorf("nothing is called %s", name)
	}))
}

func reachEndpoint(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	status(w, ts, args[0], func(e *vpc.Endpoint, _ time.Time) { e.Status.Ready = e.Generation }, nil)
}

func runInstance(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	status(w, ts, args[0], nil, func(i *vpc.Instance, _ time.Time) {
		i.Status.Running, i.Status.Ran, i.Status.Stopped = true, true, false
	})
}

func stopInstance(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	status(w, ts, args[0], nil, func(i *vpc.Instance, _ time.Time) {
		i.Status.Running, i.Status.Stopped, i.Status.Boots = false, true, i.Boots
	})
}

func tellConsole(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	status(w, ts, args[0], nil, func(i *vpc.Instance, now time.Time) { i.Status.Console, i.Status.ConsoleAt = []byte(args[1]), now })
}

func endResource(w *apitest.World, ts *testscript.TestScript, _ bool, args []string) {
	status(w, ts, args[0],
		func(e *vpc.Endpoint, now time.Time) { e.Status.Gone = now },
		func(i *vpc.Instance, now time.Time) { i.Status.Running, i.Status.Gone = false, now })
	ts.Check(w.Store().Decide(context.Background(), func(tx *store.Tx) error {
		for _, index := range []string{"endpoint", "instance"} {
			for _, e := range slices.Collect(tx.ENIs.By(index, w.Real(args[0]))) {
				if e = e.Release(); e.Withdrawn {
					tx.ENIs.Delete(string(e.ID))
				} else {
					tx.ENIs.Put(e)
				}
			}
		}
		return nil
	}))
}
