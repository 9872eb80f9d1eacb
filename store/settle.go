// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const settleTimeout = time.Second

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
	case rpctypes.ErrNoSpace: // etcd says so also of the write that it has done and that met the quota
		return false
	case rpctypes.ErrTooManyOps, rpctypes.ErrRequestTooLarge,
		rpctypes.ErrPermissionDenied, rpctypes.ErrTooManyRequests:
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.ResourceExhausted, codes.PermissionDenied, codes.Unauthenticated:
		return true
	}
	return false
}
