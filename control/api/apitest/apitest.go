// SPDX-License-Identifier: Apache-2.0

// Package apitest runs scripts against a whole API: real signatures, the real
// server, a real store on an etcd of its own. It is for tests, and knows no action.
//
// Commands of a script, beside those of testscript:
//
//	ec2 ACTION Name=value…   calls; the answer is in stdout, an error ("Code: Message") in stderr
//	error TEXT               the error of the last call, which began with !, was exactly this
//	pages ACTION Name=value… calls again and again with the token; prints how many items each page had
//	as NAME                  from here on another account calls (the first is alice)
//	in REGION                from here on another region is called (the first is ap-northeast-1)
//	stranger                 from here on calls are signed with a key that nobody has
//	forger                   from here on calls are signed with the caller's key id and another secret
//
// Every service that is given is a command, as ec2 is; a further version of one is
// SERVICE@VERSION. Ids are called by kind and
// order of appearance (vpc-1), in arguments as in answers. The items of a list are
// sorted by what they say, as real ids have no order that a script could name.
package apitest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
	"github.com/rogpeppe/go-internal/testscript"
)

// Now is the time in every test; it stands still.
var Now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// Options says what to test.
type Options struct {
	Dir      string // of scripts, *.txtar
	Services func(*store.Store) []api.Service
	Update   bool // write what comes into the scripts
	// Prepare is called for each account and region before its first call.
	Prepare func(ctx context.Context, s *store.Store, account, region string) error
	// Cmds are more commands.
	Cmds map[string]func(w *World, ts *testscript.TestScript, neg bool, args []string)
}

// Run runs every script of the directory, beside each other.
func Run(t *testing.T, o Options) {
	s := OpenStore(t)
	bench := &bench{o: o, store: s}
	services := o.Services(s)
	bench.server = api.NewServer(api.Options{
		Store: s, Services: services, Now: func() time.Time { return Now }, Log: slog.New(slog.DiscardHandler),
	})
	p := testscript.Params{Dir: o.Dir, UpdateScripts: o.Update, Setup: bench.setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"as":    with((*World).as),
		"in":    with((*World).in),
		"error": with((*World).wantError),

		"stranger": with(func(w *World, _ *testscript.TestScript, _ bool, _ []string) {
			w.signAs(iam.AccessKey{ID: "AKIA0STRANGER", Secret: "a"})
		}),
		"forger": with(func(w *World, _ *testscript.TestScript, _ bool, _ []string) {
			w.signAs(iam.AccessKey{ID: w.keys[w.caller].ID, Secret: "a"})
		}),
	}}
	for _, v := range services {
		name := v.Name
		if p.Cmds[name] != nil {
			name += "@" + v.Version
		}
		p.Cmds[name] = with(func(w *World, ts *testscript.TestScript, neg bool, args []string) { w.call(ts, neg, v, args) })
		if v.Name == services[0].Name {
			p.Cmds["pages"] = with(func(w *World, ts *testscript.TestScript, neg bool, args []string) { w.pages(ts, v, args) })
		}
	}
	for name, f := range o.Cmds {
		p.Cmds[name] = with(f)
	}
	testscript.Run(t, p)
}

func with(f func(*World, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		f(ts.Value(worldKey{}).(*World), ts, neg, args)
	}
}

// OpenStore returns a store on an etcd of its own, which runs until the test and
// all its subtests end.
func OpenStore(t testing.TB) *store.Store {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	etcd, err := store.StartEmbedded(ctx, t.TempDir(), slog.New(slog.DiscardHandler), store.EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	o := etcd.Options()
	o.Now = func() time.Time { return Now }
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(errors.Join(err, etcd.Close()))
	}
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ran, etcd.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bench is what all scripts share.
type bench struct {
	o        Options
	store    *store.Store
	server   *api.Server
	accounts atomic.Int64
}

type worldKey struct{}

// setup gives a script a world of its own: accounts that no other script has.
func (b *bench) setup(env *testscript.Env) error {
	w := &World{bench: b, keys: map[string]iam.AccessKey{}, prepared: map[string]bool{}, names: newNames(), region: "ap-northeast-1"}
	env.Values[worldKey{}] = w
	return w.become("alice")
}

// newAccount makes an account whose root has a key.
func (b *bench) newAccount() (iam.AccessKey, error) {
	n := b.accounts.Add(1)
	k := iam.AccessKey{
		ID: fmt.Sprintf("AKIA%016d", n), Secret: fmt.Sprintf("secret%034d", n), Account: fmt.Sprintf("%012d", 100_000_000_000+n), Created: Now,
	}
	k.ARN, k.UserID = iam.RootARN(k.Account), k.Account
	return k, b.store.Decide(context.Background(), func(tx *store.Tx) error {
		tx.Accounts.Put(iam.Account{ID: k.Account, Created: Now})
		tx.AccessKeys.Put(k)
		return nil
	})
}
