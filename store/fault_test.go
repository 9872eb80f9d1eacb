// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// fault stands between a store and etcd: it gets each commit as a function.
type fault func(commit func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error)

type faultyKV struct {
	clientv3.KV
	next func() fault
}

func (k faultyKV) Txn(ctx context.Context) clientv3.Txn {
	return faultyTxn{k.KV.Txn(context.WithoutCancel(ctx)), k.next()}
}

type faultyTxn struct {
	clientv3.Txn
	fault fault
}

func (f faultyTxn) If(cs ...clientv3.Cmp) clientv3.Txn   { f.Txn = f.Txn.If(cs...); return f }
func (f faultyTxn) Then(ops ...clientv3.Op) clientv3.Txn { f.Txn = f.Txn.Then(ops...); return f }
func (f faultyTxn) Else(ops ...clientv3.Op) clientv3.Txn { f.Txn = f.Txn.Else(ops...); return f }
func (f faultyTxn) Commit() (*clientv3.TxnResponse, error) {
	if f.fault == nil {
		return f.Txn.Commit()
	}
	return f.fault(f.Txn.Commit)
}

// faulty are options of a store whose next transactions, once it is open, meet
// the faults in turn.
func faulty(faults *[]fault) Options {
	o := fresh()
	c := clientv3.NewCtxClient(context.Background())
	c.Lease, c.Watcher = o.Client, o.Client
	c.KV = faultyKV{o.Client, func() (f fault) {
		if len(*faults) > 0 {
			f, *faults = (*faults)[0], (*faults)[1:]
		}
		return f
	}}
	o.Client = c
	return o
}

type commitFunc = func() (*clientv3.TxnResponse, error)

func requestLost(commitFunc) (*clientv3.TxnResponse, error) { return nil, context.DeadlineExceeded }

func answerLost(commit commitFunc) (*clientv3.TxnResponse, error) {
	if _, err := commit(); err != nil {
		return nil, err
	}
	return nil, rpctypes.ErrTimeout
}

func noSpace(commitFunc) (*clientv3.TxnResponse, error) { return nil, rpctypes.ErrNoSpace }

// fullByIt is what etcd says of a write that it does, and that its database grows too large by.
func fullByIt(commit commitFunc) (*clientv3.TxnResponse, error) {
	if _, err := commit(); err != nil {
		return nil, err
	}
	return nil, rpctypes.ErrNoSpace
}

func TestWritesWhoseOutcomeIsNotKnownAreSettled(t *testing.T) {
	for _, c := range []struct {
		name    string
		faults  []fault
		wantErr bool
		want    string // what there is in the end, after vpc-2 was put without a fault
	}{
		{"the request was lost: refused", []fault{requestLost}, true, "vpc-2"},
		{"the answer was lost: done", []fault{answerLost}, false, "vpc-1 vpc-2"},
		{"etcd is full: refused", []fault{noSpace}, true, "vpc-2"},
		{"etcd is full by it: done", []fault{fullByIt}, false, "vpc-1 vpc-2"},
		{"the request was lost, then the answer to the settling write", []fault{requestLost, answerLost}, true, "vpc-2"},
		{"all three were lost", []fault{requestLost, requestLost, answerLost}, true, "vpc-2"},
		{"the answer was lost, the settling does not come through at first: not known, but done",
			[]fault{answerLost, requestLost, requestLost}, true, "vpc-1 vpc-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults []fault
			s := mustOpen(t, faulty(&faults))
			run(t, s)
			faults = c.faults
			err := s.Decide(t.Context(), put("vpc-1"))
			if (err != nil) != c.wantErr || err != nil && !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			for range 100 { // those that come while it is not known are refused
				if err = s.Decide(t.Context(), put("vpc-2")); err == nil {
					break
				}
				if e, ok := errors.AsType[*awserr.Error](err); !ok || e.Code != "Unavailable" {
					t.Fatalf("got %v", err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			for _, v := range []*View{s.View(), reopen(t, s)} {
				if got := vpcIDs(v); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestAWriteThatWasGivenUpDoesNotHappenLater(t *testing.T) {
	var faults []fault
	s := mustOpen(t, faulty(&faults))
	run(t, s)
	var late commitFunc
	faults = []fault{func(commit commitFunc) (*clientv3.TxnResponse, error) {
		late = commit
		return nil, context.DeadlineExceeded
	}}
	if err := s.Decide(t.Context(), put("vpc-1")); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	re, err := late()
	if err != nil || re.Succeeded {
		t.Errorf("it was done: %v, %v", re, err)
	}
	decide(t, s, func(tx *Tx) { _ = put("vpc-2")(tx) })
	if got := vpcIDs(reopen(t, s)); got != "vpc-2" {
		t.Errorf("got %s", got)
	}
}

func TestADiskThatIsFullRefusesUntilThereIsSpace(t *testing.T) {
	o := fresh()
	var full error
	o.Writable = func() error { return full }
	s := mustOpen(t, o)
	full = errors.New("the disk is full")
	run(t, s)
	err := s.Decide(t.Context(), func(tx *Tx) error {
		err := put("vpc-1")(tx)
		return err
	})
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	if err := s.Decide(t.Context(), func(tx *Tx) error { full = nil; return put("vpc-2")(tx) }); err != nil {
		t.Fatal(err)
	}
	if got := vpcIDs(s.View()); got != "vpc-2" {
		t.Errorf("got %s", got)
	}
}
