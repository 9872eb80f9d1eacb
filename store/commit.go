// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/statedb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What one transaction may hold. etcd is asked for the full numbers; what lies
// between is for the leader key and etcd's own wrapping.
const (
	MaxTxnOps       = 4096
	MaxRequestBytes = 8 << 20

	batchOps   = MaxTxnOps - 8
	batchBytes = MaxRequestBytes - 64<<10
	entryBytes = 64 // around a key and its value
)

const (
	commitTimeout = 5 * time.Second // after that, the outcome is not known
	settleTimeout = time.Second
)

var errNotWritable = errors.New("not tried")

// batch is the decisions that go into one transaction of etcd.
type batch struct {
	txn     statedb.WriteTxn
	waiting []*request
	logs    map[string][]byte
	bytes   int
	changed map[Ref]struct{}
	failed  bool // it was not written, or is not known to be
}

func (s *Store) newBatch() *batch {
	return &batch{
		txn:     s.tables.db.WriteTxn(s.tables.all...),
		logs:    map[string][]byte{},
		changed: map[Ref]struct{}{},
	}
}

// fits reports whether logs can go into the same transaction.
func (b *batch) fits(logs map[string][]byte) bool {
	ops, size := len(b.logs), b.bytes
	for key, value := range logs {
		if _, known := b.logs[key]; !known {
			ops++
		}
		size += len(key) + len(value) + entryBytes
	}
	return ops <= batchOps && size <= batchBytes
}

func (b *batch) add(r *request, w *writes, logs map[string][]byte) {
	b.waiting = append(b.waiting, r)
	for _, c := range w.changes {
		b.changed[c.ref] = struct{}{}
	}
	for key, value := range logs {
		b.bytes += len(key) + len(value) + entryBytes
		b.logs[key] = value
	}
}

// answer tells every decision of the batch how it went, once.
func (b *batch) answer(err error) {
	b.failed = err != nil
	for _, r := range b.waiting {
		r.done <- err
	}
	b.waiting = nil
}

// commit writes the batch to etcd, then shows it to readers, then answers. It
// returns an error only when this store has nothing more to decide.
func (s *Store) commit(ctx context.Context, b *batch) error {
	defer b.txn.Abort() // does nothing after Commit
	if len(b.logs) == 0 {
		b.answer(nil)
		return nil
	}
	committed, err := s.write(context.WithoutCancel(ctx), b.logs)
	if err != nil && !isDefinite(err) {
		s.log.Warn("etcd does not answer, no decision is written", "err", err)
		committed, err = s.settle(ctx, b, err)
	}
	if committed {
		v := s.tables.view(b.txn.Commit(), s.incarnation, s.leader.revision)
		s.publish(&v, b.changed)
		b.answer(nil)
		return nil
	}
	s.log.Warn("decisions are not written", "err", err)
	b.answer(unavailable("not written: %w", err))
	if errors.Is(err, ErrDeposed) || errors.Is(err, ErrLogFailed) {
		return err
	}
	return nil
}

// write appends the entries to the log as one transaction, in which this server
// is still the leader, or nothing.
func (s *Store) write(ctx context.Context, logs map[string][]byte) (bool, error) {
	if err := s.writable(); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	ops := make([]clientv3.Op, 0, len(logs)+1)
	for key, value := range logs {
		if value == nil {
			ops = append(ops, clientv3.OpDelete(key))
		} else {
			ops = append(ops, clientv3.OpPut(key, string(value)))
		}
	}
	s.leader.commits++
	re, err := s.o.Client.Txn(ctx).
		If(s.isLeader()).
		Then(append(ops, s.putLeader())...).
		Commit()
	if rpctypes.Error(err) == rpctypes.ErrLeaseNotFound {
		return false, fmt.Errorf("%w: the lease ran out", ErrDeposed)
	}
	if err != nil {
		return false, err
	}
	if !re.Succeeded {
		return false, ErrDeposed
	}
	s.leader.revision = re.Header.Revision
	return true, nil
}

func (s *Store) writable() error {
	if s.o.Writable == nil {
		return nil
	}
	if err := s.o.Writable(); err != nil {
		return fmt.Errorf("%w: %w", errNotWritable, err)
	}
	return nil
}

// settle finds out whether the last write has happened, and makes sure that it
// happens no more if it has not. It does not return before that is known, or ctx
// ends. Decisions that wait meanwhile are refused.
func (s *Store) settle(ctx context.Context, b *batch, cause error) (committed bool, err error) {
	wrote := s.leaderValue()
	for {
		s.leader.commits++
		committed, err := s.settleOnce(ctx, wrote)
		if err == nil {
			return committed, cause
		}
		b.answer(unavailable("not known to be written: %w", cause))
		if failed := s.writable(); errors.Is(failed, ErrLogFailed) {
			return false, failed
		}
		if isDefinite(err) {
			return false, err
		}
		for r := s.next(); r != nil; r = s.next() {
			r.done <- unavailable("etcd does not answer: %w", err)
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(settleTimeout / 10):
		}
	}
}

// settleOnce writes the leader key, if it is as it was before the write in
// question: then that write fails whenever it comes. Else it reads who was first.
func (s *Store) settleOnce(ctx context.Context, wrote string) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	re, err := s.o.Client.Txn(ctx).
		If(s.isLeader()).
		Then(s.putLeader()).
		Else(clientv3.OpGet(s.keys.leader())).
		Commit()
	if err != nil {
		return false, err
	}
	if re.Succeeded {
		s.leader.revision = re.Header.Revision
		return false, nil
	}
	kvs := re.Responses[0].GetResponseRange().Kvs
	if len(kvs) == 0 || !s.isOurs(string(kvs[0].Value)) {
		return false, fmt.Errorf("%w; the last writes may be done", ErrDeposed)
	}
	s.leader.revision = kvs[0].ModRevision
	return string(kvs[0].Value) == wrote, nil // else an earlier settleOnce was first
}

// isDefinite reports whether err says that nothing was and will be written.
func isDefinite(err error) bool {
	if errors.Is(err, ErrDeposed) || errors.Is(err, errNotWritable) {
		return true
	}
	switch rpctypes.Error(err) {
	case rpctypes.ErrNoSpace, rpctypes.ErrTooManyOps, rpctypes.ErrRequestTooLarge,
		rpctypes.ErrPermissionDenied, rpctypes.ErrTooManyRequests:
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
		return true
	}
	return false
}
