// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"reflect"
	"time"

	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/vpc"
	"github.com/cilium/statedb"
)

// Tx is what a decision reads and writes with. It sees all decisions before it
// and its own writes, and is of no use once the decision has returned.
//
// Its View, for functions that only read, is the same moment.
type Tx struct {
	View

	VPCs           TxTable[vpc.VPC]
	Subnets        TxTable[vpc.Subnet]
	RouteTables    TxTable[vpc.RouteTable]
	SecurityGroups TxTable[vpc.SecurityGroup]
	ENIs           TxTable[vpc.ENI]
	Endpoints      StatusTable[vpc.Endpoint]
	Instances      StatusTable[vpc.Instance]
	Gateways       TxTable[vpc.InternetGateway]
	Accounts       TxTable[iam.Account]
	AccessKeys     TxTable[iam.AccessKey]
	Secrets        TxTable[Secret]
	Hosts          TxTable[Host]

	numbers TxTable[number]
	tokens  TxTable[token]

	now time.Time
}

// writes is what one decision has done so far.
type writes struct {
	txn     statedb.WriteTxn // nil once the decision has returned
	changes []change
}

// change is one write to one row, to memory already done.
type change struct {
	ref  Ref
	logs []entry                // what it means for etcd
	undo func(statedb.WriteTxn) // takes it back
	redo func(statedb.WriteTxn) // does it again in another transaction
}

// entry is a key in etcd with its new value; nil deletes it.
type entry struct {
	key   string
	value []byte
}

// undo takes all of it back, newest first.
func (w *writes) undo(txn statedb.WriteTxn) {
	for i := len(w.changes) - 1; i >= 0; i-- {
		w.changes[i].undo(txn)
	}
}

// redo does all of it again, in a transaction where nothing else has happened since.
func (w *writes) redo(txn statedb.WriteTxn) {
	for _, c := range w.changes {
		c.redo(txn)
	}
}

// logs is what all of it means for etcd: the last value of each key.
func (w *writes) logs() map[string][]byte {
	logs := make(map[string][]byte, len(w.changes))
	for _, c := range w.changes {
		for _, e := range c.logs {
			logs[e.key] = e.value
		}
	}
	return logs
}

func newTx(ts *tables, w *writes, at *View, now time.Time) *Tx {
	v := ts.view(w.txn, at.incarnation, at.revision)
	return &Tx{
		View:           v,
		VPCs:           TxTable[vpc.VPC]{v.VPCs, w},
		Subnets:        TxTable[vpc.Subnet]{v.Subnets, w},
		RouteTables:    TxTable[vpc.RouteTable]{v.RouteTables, w},
		SecurityGroups: TxTable[vpc.SecurityGroup]{v.SecurityGroups, w},
		ENIs:           TxTable[vpc.ENI]{v.ENIs, w},
		Endpoints:      StatusTable[vpc.Endpoint]{TxTable[vpc.Endpoint]{v.Endpoints, w}},
		Instances:      StatusTable[vpc.Instance]{TxTable[vpc.Instance]{v.Instances, w}},
		Gateways:       TxTable[vpc.InternetGateway]{v.Gateways, w},
		Accounts:       TxTable[iam.Account]{v.Accounts, w},
		AccessKeys:     TxTable[iam.AccessKey]{v.AccessKeys, w},
		Secrets:        TxTable[Secret]{v.Secrets, w},
		Hosts:          TxTable[Host]{v.Hosts, w},
		numbers:        TxTable[number]{v.numbers, w},
		tokens:         TxTable[token]{v.tokens, w},
		now:            now,
	}
}

// Now is the time of the decision: UTC, whole milliseconds, as AWS writes times.
func (tx *Tx) Now() time.Time { return tx.now }

// TxTable reads and writes the rows of one kind.
type TxTable[T any] struct {
	Table[T]
	w *writes
}

// Put makes v the row of its id. Where the kind has a status, the stored one
// stays; v's is ignored. Putting what is already there writes nothing.
func (t TxTable[T]) Put(v T) {
	old, found := t.t.get(t.w.txn, t.t.id(&v))
	t.t.setStatus(&v, old)
	spec := encode(&v)
	if found && bytes.Equal(encode(old), spec) {
		return
	}
	ref := t.t.ref(&v)
	t.w.set(t.t.change(old, &v, entry{t.t.keys.spec(ref), spec}))
}

// Delete takes the row away, with its status; that there is none is no mistake.
func (t TxTable[T]) Delete(id string) {
	old, found := t.t.get(t.w.txn, id)
	if !found {
		return
	}
	ref := t.t.ref(old)
	logs := []entry{{t.t.keys.spec(ref), nil}}
	if t.t.status != nil {
		logs = append(logs, entry{t.t.keys.status(ref), nil})
	}
	t.w.set(t.t.change(old, nil, logs...))
}

// StatusTable is a TxTable of a kind whose rows have a status.
type StatusTable[T any] struct{ TxTable[T] }

// PutStatus makes v's status that of its row; the rest of v is ignored. A row
// that is not there gets none.
func (t StatusTable[T]) PutStatus(v T) {
	old, found := t.t.get(t.w.txn, t.t.id(&v))
	if !found {
		return
	}
	row := *old
	t.t.setStatus(&row, &v)
	status := encode(t.t.status(&row))
	if bytes.Equal(encode(t.t.status(old)), status) {
		return
	}
	ref := t.t.ref(&row)
	t.w.set(t.t.change(old, &row, entry{t.t.keys.status(ref), status}))
}

func (w *writes) set(c change) {
	c.redo(w.txn)
	w.changes = append(w.changes, c)
}

func (t *table[T]) ref(v *T) Ref { return Ref{t.kind, t.id(v)} }

// setStatus gives to the status of from; with from nil, none.
func (t *table[T]) setStatus(to, from *T) {
	if t.status == nil {
		return
	}
	if from == nil {
		from = new(T)
	}
	reflect.ValueOf(t.status(to)).Elem().Set(reflect.ValueOf(t.status(from)).Elem())
}

// change is the step between two rows; nil is no row. Both stay unchanged for ever.
func (t *table[T]) change(old, row *T, logs ...entry) change {
	some := row
	if some == nil {
		some = old
	}
	return change{
		ref:  t.ref(some),
		logs: logs,
		undo: func(txn statedb.WriteTxn) { t.replace(txn, row, old) },
		redo: func(txn statedb.WriteTxn) { t.replace(txn, old, row) },
	}
}

func (t *table[T]) replace(txn statedb.WriteTxn, from, to *T) {
	var err error
	if to == nil {
		_, _, err = t.rows.Delete(txn, from)
	} else {
		_, _, err = t.rows.Insert(txn, to)
	}
	if err == nil && t.counted != "" {
		err = t.have.move(txn, t.keysOf(from), t.keysOf(to))
	}
	if err != nil {
		panic("store: " + err.Error()) // the queue holds every table for writing
	}
}

// keysOf are a row's keys in the index that is counted; no row has none.
func (t *table[T]) keysOf(v *T) []string {
	if v == nil {
		return nil
	}
	return t.indexes[t.counted](v)
}
