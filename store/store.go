// SPDX-License-Identifier: Apache-2.0

// Package store holds the model, both halves of it (vpc and iam): tables in
// memory to read from, etcd as their log, and one queue of decisions between
// them. It knows rows, indexes and formats; it does not know what a row means,
// whether a change is allowed, or who asks.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"enishi.dev/enishi/aws/awserr"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrUnavailable is what a decision is answered with that was not written, or
// whose outcome is not known: etcd could not be reached, is full, or another
// server decides now. It is also the awserr that callers see.
var ErrUnavailable error = awserr.New("Unavailable", "The server is overloaded and can't handle the request.")

// ErrTooLarge is what a decision is answered with that wrote more than the store
// takes at once, however often it is tried: half of it may do. It is also the
// awserr that callers see.
var ErrTooLarge error = awserr.New("ResourceCountExceeded", "You have exceeded the number of resources allowed in a single call of this type. Break it up into smaller calls.")

// ErrDeposed ends [Store.Run]: another server has taken over, nothing that this
// one decides is written any more.
var ErrDeposed = errors.New("another control server decides now")

// ErrLogFailed ends [Store.Run]: the embedded etcd could not go on. What it has
// is safe; a new process can.
var ErrLogFailed = errors.New("the log has failed")

// DefaultPrefix is where the rows lie in etcd.
const DefaultPrefix = "/enishi/v1/"

// Options says where a store lies.
type Options struct {
	Client *clientv3.Client // of the embedded server or an external cluster
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default: nothing
	Prefix string           // default DefaultPrefix
	// Alone says that no other server can reach this etcd: the store takes over
	// at once, without a lease. [Embedded.Options] sets it, as the lock on its
	// data directory proves it. Without it, Open waits until it is elected.
	Alone bool
	// Writable, if set, is asked before each write; its error answers the
	// decisions, and ends the store if it is [ErrLogFailed].
	Writable func() error
}

// Store is the model in memory and its log.
type Store struct {
	o      Options
	keys   keys
	log    *slog.Logger
	tables *tables
	leader leader

	incarnation string

	requests chan *request
	stopped  chan struct{} // closed when Run has ended

	view      atomic.Pointer[View]
	mu        sync.Mutex // taken to publish: view and followers change together
	followers map[*Follower]struct{}
}

// Open returns the store with every row in memory, elected to decide. Nothing
// runs yet: decisions wait for [Store.Run], which must follow within seconds, as
// it keeps the election.
//
// A row whose format this program does not know is an error that names it.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	s := &Store{
		o: o, keys: keys{o.Prefix}, log: o.Log,
		requests:  make(chan *request, 1024),
		stopped:   make(chan struct{}),
		followers: map[*Follower]struct{}{},
	}
	s.tables = newTables(s.keys)
	if !o.Alone {
		if err := probeLimits(ctx, o.Client, s.keys); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	if err := s.elect(ctx); err != nil {
		return nil, fmt.Errorf("open store: elect: %w", err)
	}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.resign(ctx))
	}
	return s, nil
}

// View returns what etcd has, whole and unchanging.
func (s *Store) View() *View { return s.view.Load() }
