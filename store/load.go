// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/statedb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const pageRows = 5000

// loader takes rows of one kind from etcd into memory.
type loader struct {
	load       func(txn statedb.WriteTxn, id string, b []byte) error
	loadStatus func(txn statedb.WriteTxn, id string, b []byte) error
}

func (t *table[T]) load(txn statedb.WriteTxn, id string, b []byte) error {
	row := new(T)
	if err := decode(b, row); err != nil {
		return err
	}
	if got := t.id(row); got != id {
		return fmt.Errorf("damaged: it holds %q", got)
	}
	t.replace(txn, nil, row)
	return nil
}

// loadStatus comes after every load.
func (t *table[T]) loadStatus(txn statedb.WriteTxn, id string, b []byte) error {
	old, found := t.get(txn, id)
	if t.status == nil || !found {
		return errors.New("damaged: a status without a row")
	}
	row := *old
	if err := decode(b, t.status(&row)); err != nil {
		return err
	}
	t.replace(txn, old, &row)
	return nil
}

// load reads every row as it was at one revision.
func (s *Store) load(ctx context.Context) error {
	txn := s.tables.db.WriteTxn(s.tables.all...)
	defer txn.Abort()
	statuses := map[Ref][]byte{} // sorted before the rows that they belong to
	err := s.rows(ctx, func(kv *mvccpb.KeyValue) error {
		switch key := string(kv.Key); key {
		case s.keys.leader():
			return nil
		case s.keys.incarnation():
			s.incarnation = string(kv.Value)
			return nil
		}
		ref, isStatus, err := s.keys.parse(string(kv.Key))
		if err != nil {
			return err
		}
		l, ok := s.tables.loaders[ref.Kind]
		if !ok {
			return fmt.Errorf("kind %q is %w", ref.Kind, errFormat)
		}
		if isStatus {
			statuses[ref] = kv.Value
			return nil
		}
		return l.load(txn, ref.ID, kv.Value)
	})
	if err != nil {
		return err
	}
	for ref, b := range statuses {
		if err := s.tables.loaders[ref.Kind].loadStatus(txn, ref.ID, b); err != nil {
			return fmt.Errorf("read %s: %w", s.keys.status(ref), err)
		}
	}
	if s.incarnation == "" {
		s.incarnation = randomHex(16)
		if _, err := s.write(ctx, map[string][]byte{s.keys.incarnation(): []byte(s.incarnation)}); err != nil {
			return fmt.Errorf("write the cluster's id: %w", err)
		}
	}
	v := s.tables.view(txn.Commit(), s.incarnation, s.leader.revision)
	s.view.Store(&v)
	return nil
}

// rows calls f for every key that the store has, in order, at the revision of
// the election: nobody else can have written since.
func (s *Store) rows(ctx context.Context, f func(*mvccpb.KeyValue) error) error {
	end := clientv3.GetPrefixRangeEnd(s.keys.prefix)
	from := s.keys.prefix
	for {
		re, err := s.o.Client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageRows),
			clientv3.WithRev(s.leader.revision))
		if err != nil {
			return fmt.Errorf("read rows: %w", err)
		}
		for _, kv := range re.Kvs {
			if err := f(kv); err != nil {
				return fmt.Errorf("read %s: %w", kv.Key, err)
			}
			from = string(kv.Key) + "\x00"
		}
		if !re.More {
			return nil
		}
	}
}

// probeLimits asks etcd for the largest transaction that the store may need. Its
// condition never holds, so that nothing is written.
func probeLimits(ctx context.Context, c *clientv3.Client, k keys) error {
	value := string(make([]byte, MaxRequestBytes/MaxTxnOps-entryBytes))
	ops := make([]clientv3.Op, batchOps)
	for i := range ops {
		ops[i] = clientv3.OpPut(k.probe(i), value)
	}
	_, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(k.probe(0)), ">", 0)).Then(ops...).Commit()
	switch {
	case err == nil:
		return nil
	case rpctypes.Error(err) == rpctypes.ErrTooManyOps:
		return fmt.Errorf("etcd takes too few operations at once: start it with --max-txn-ops=%d", MaxTxnOps)
	case rpctypes.Error(err) == rpctypes.ErrRequestTooLarge, strings.Contains(err.Error(), "message larger than max"): // gRPC's own
		return fmt.Errorf("etcd takes too small requests: start it with --max-request-bytes=%d", MaxRequestBytes)
	}
	return fmt.Errorf("ask etcd for its limits: %w", err)
}
