// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"

	"github.com/cilium/statedb"
	"github.com/cilium/statedb/index"
)

// tally is how many rows an index has under a key. Quotas are looked at with each
// decision, and to go through all rows for their number takes longer than the rest.
type tally struct {
	of string
	n  int
}

// tallies are those of one table's index. Like the rows they are of the transaction:
// each view has the numbers of its own moment.
type tallies struct {
	rows statedb.RWTable[*tally]
	by   statedb.Index[*tally, string]
}

func newTallies(db *statedb.DB, kind Kind) (t tallies, err error) {
	t.by = statedb.Index[*tally, string]{
		Name:       "of",
		FromObject: func(v *tally) index.KeySet { return index.NewKeySet(index.String(v.of)) },
		FromKey:    index.String,
		Unique:     true,
	}
	t.rows, err = statedb.NewTableAny(db, string(kind)+"-tallies", nil, nil, t.by)
	return t, err
}

func (t tallies) get(txn statedb.ReadTxn, key string) int {
	v, _, ok := t.rows.Get(txn, t.by.Query(key))
	if !ok {
		return 0
	}
	return v.n
}

// move counts a row that had the keys before, and has those after.
func (t tallies) move(txn statedb.WriteTxn, before, after []string) error {
	if slices.Equal(before, after) {
		return nil
	}
	for _, key := range before {
		if err := t.add(txn, key, -1); err != nil {
			return err
		}
	}
	for _, key := range after {
		if err := t.add(txn, key, 1); err != nil {
			return err
		}
	}
	return nil
}

func (t tallies) add(txn statedb.WriteTxn, key string, n int) (err error) {
	now := &tally{key, t.get(txn, key) + n}
	if now.n == 0 {
		_, _, err = t.rows.Delete(txn, now)
	} else {
		_, _, err = t.rows.Insert(txn, now)
	}
	return err
}
