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

const commitTimeout = 5 * time.Second // after that, the outcome is not known

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
