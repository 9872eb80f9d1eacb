// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"enishi.dev/enishi/vpc"
)

var quiet = slog.New(slog.DiscardHandler)

// shared is the etcd of all tests that need none of their own; each has a prefix.
// It is started by the first one, so that a fuzz worker, which is killed, has none.
var shared = sync.OnceValue(func() *Embedded {
	dir, err := os.MkdirTemp("", "enishi-store")
	if err != nil {
		panic(err)
	}
	e, err := StartEmbedded(context.Background(), dir, quiet, EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		panic(err)
	}
	started = e
	return e
})

var started *Embedded

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if started != nil {
		_ = started.Close()
		_ = os.RemoveAll(started.dir)
	}
	// An etcd that cannot start leaves these two of its own behind.
	const etcd = "go.etcd.io/etcd/server/v3/storage/"
	err := goleak.Find(goleak.IgnoreTopFunction(etcd+"backend.(*backend).run"), goleak.IgnoreTopFunction(etcd+"wal.(*filePipeline).run"))
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var prefixes atomic.Int64

// fresh are the options of a store that nobody else uses.
func fresh() Options {
	o := shared().Options()
	o.Prefix = fmt.Sprintf("/test/%d/", prefixes.Add(1))
	return o
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs s until stop is called or the test ends, and returns what Run did.
func run(t testing.TB, s *Store) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var err error
	var done atomic.Bool
	stop = func() error {
		cancel()
		if done.CompareAndSwap(false, true) {
			err = <-ended
		}
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

// open returns a store of its own that decides.
func open(t testing.TB) *Store {
	s := mustOpen(t, fresh())
	run(t, s)
	return s
}

// reopen returns what another store reads from the log of s.
func reopen(t testing.TB, s *Store) *View {
	t.Helper()
	return mustOpen(t, Options{Client: s.o.Client, Prefix: s.o.Prefix, Alone: true}).View()
}

func decide(t testing.TB, s *Store, f func(*Tx)) {
	t.Helper()
	err := s.Decide(t.Context(), func(tx *Tx) error { f(tx); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

var errRefused = errors.New("refused")

// etcdKeys returns what a prefix of etcd holds, without the leader's key.
func etcdKeys(t testing.TB, s *Store) map[string]string {
	t.Helper()
	re, err := s.o.Client.Get(t.Context(), s.o.Prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	kvs := map[string]string{}
	for _, kv := range re.Kvs {
		if string(kv.Key) != s.keys.leader() {
			kvs[string(kv.Key)[len(s.o.Prefix):]] = string(kv.Value)
		}
	}
	return kvs
}

func ids[T any](seq func(func(T) bool), id func(T) string) []string {
	got := []string{}
	for v := range seq {
		got = append(got, id(v))
	}
	return got
}

func eniID(e vpc.ENI) string { return string(e.ID) }

// changedSince returns the keys that were written or deleted after a revision.
func changedSince(t testing.TB, s *Store, revision int64) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	watch := s.o.Client.Watch(ctx, s.o.Prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1))
	end, err := s.o.Client.Put(ctx, s.o.Prefix+"end", "") // what comes last
	if err != nil {
		t.Fatal(err)
	}
	defer s.o.Client.Delete(t.Context(), s.o.Prefix+"end")
	keys := map[string]string{}
	for re := range watch {
		for _, e := range re.Events {
			if e.Kv.ModRevision == end.Header.Revision {
				return keys
			}
			if key := string(e.Kv.Key); key != s.keys.leader() {
				keys[key[len(s.o.Prefix):]] = ""
			}
		}
	}
	t.Fatal("the watch ended")
	return nil
}
