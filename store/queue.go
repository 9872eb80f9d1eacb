// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// request is a decision on its way through the queue. Its function runs in the
// goroutine of its caller, when the queue gives it the turn: what it panics with
// is the caller's, and what it writes to its closure needs no lock.
type request struct {
	turn chan *Tx      // the queue hands over the turn,
	gone chan struct{} // unless the caller has closed this,
	ran  chan bool     // and waits for this: true to commit, false to take back
	done chan error    // the outcome of what was to commit
}

// Decide runs f on everything that was decided so far and returns once etcd has
// what f wrote. If f returns an error, nothing is written and Decide returns it.
// f runs once at most, in the caller's goroutine, never beside another; it must
// be quick and must not call Decide.
//
// [ErrUnavailable] says that nothing is known to be written: only the text tells
// whether it might be. [ErrTooLarge] says that nothing is, nor will be. If ctx ends before the turn has come, f does not run; if
// it ends later, the decision may still be written.
func (s *Store) Decide(ctx context.Context, f func(*Tx) error) error {
	r := &request{
		turn: make(chan *Tx),
		gone: make(chan struct{}),
		ran:  make(chan bool, 1),
		done: make(chan error, 1),
	}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return unavailable("the store is closed")
	}
	select {
	case tx := <-r.turn:
		if err := r.run(tx, f); err != nil {
			return err
		}
	case err := <-r.done:
		return err
	case <-ctx.Done():
		close(r.gone)
		return ctx.Err()
	case <-s.stopped:
		return unavailable("the store is closed")
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("decided, but not known to be written: %w", ctx.Err())
	}
}

// run gives the turn back whatever f does, be it a panic.
func (r *request) run(tx *Tx, f func(*Tx) error) (err error) {
	commit := false
	defer func() { r.ran <- commit }()
	err = f(tx)
	commit = err == nil
	return err
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w (%w)", ErrUnavailable, fmt.Errorf(format, args...))
}

// Run decides until ctx ends; then it returns nil, and every decision that still
// waits is answered with [ErrUnavailable]. It returns [ErrDeposed] when another
// server has taken over, [ErrLogFailed] when nothing can be written any more. A
// store runs once.
func (s *Store) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.keepLease(ctx, cancel)
	}()
	err := s.queue(ctx)
	close(s.stopped)
	cancel(err)
	<-kept
	if err != nil {
		return err
	}
	return s.resign(context.WithoutCancel(ctx))
}

// queue takes one batch after the other. It returns nil when ctx was ended from
// outside.
func (s *Store) queue(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); errors.Is(cause, ErrDeposed) {
				return cause
			}
			return nil
		case r := <-s.requests:
			if err := s.batch(ctx, r); err != nil {
				return err
			}
		}
	}
}

// batch decides first and everything that waits behind it, and commits it as one.
// An error is the end of the store.
func (s *Store) batch(ctx context.Context, first *request) error {
	b := s.newBatch()
	for r := first; r != nil; r = s.next() {
		w := s.decide(b, r)
		if w == nil {
			continue
		}
		logs := w.logs()
		if !b.fits(logs) {
			// The batch goes first, without r. Nobody comes between, so what r
			// saw still holds, and its writes can follow as they are.
			w.undo(b.txn)
			err := s.commit(ctx, b)
			if err != nil || b.failed {
				r.done <- unavailable("what it was decided upon could not be written")
				return err
			}
			b = s.newBatch()
			if !b.fits(logs) {
				r.done <- fmt.Errorf("%w (%d writes, which is more than the store takes at once)", ErrTooLarge, len(logs))
				continue
			}
			w.redo(b.txn)
		}
		b.add(r, w, logs)
	}
	return s.commit(ctx, b)
}

// next returns a decision that waits, or nil.
func (s *Store) next() *request {
	select {
	case r := <-s.requests:
		return r
	default:
		return nil
	}
}

// decide gives r the turn. It returns what r wrote, or nil if it refused or is gone.
func (s *Store) decide(b *batch, r *request) *writes {
	w := &writes{txn: b.txn}
	now := s.o.Now().UTC().Truncate(time.Millisecond)
	select {
	case r.turn <- newTx(s.tables, w, s.View(), now):
	case <-r.gone:
		return nil
	}
	commit := <-r.ran
	w.txn = nil
	if !commit {
		w.undo(b.txn)
		return nil
	}
	return w
}
