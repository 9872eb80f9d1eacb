// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"iter"

	"github.com/cilium/statedb"
	"github.com/cilium/statedb/index"
)

// schema says what the rows of a kind are: how they are named, found, and, where
// a row has a status under a key of its own, where that lies in it.
type schema[T any] struct {
	kind    Kind
	id      func(*T) string
	indexes map[string]func(*T) []string
	counted string       // the index whose rows are counted as they come and go; "": none
	status  func(*T) any // pointer to the status in the row; nil: the kind has none
}

// table is a kind's rows in memory.
type table[T any] struct {
	schema[T]
	keys keys
	rows statedb.RWTable[*T]
	byID statedb.Index[*T, string]
	by   map[string]statedb.Index[*T, string]
	have tallies // of the index counted
}

func newTable[T any](db *statedb.DB, k keys, s schema[T]) *table[T] {
	t := &table[T]{schema: s, keys: k, by: map[string]statedb.Index[*T, string]{}}
	t.byID = statedb.Index[*T, string]{
		Name:       "id",
		FromObject: func(v *T) index.KeySet { return index.NewKeySet(index.String(s.id(v))) },
		FromKey:    index.String,
		Unique:     true,
	}
	var others []statedb.Indexer[*T]
	for name, of := range s.indexes {
		t.by[name] = statedb.Index[*T, string]{
			Name:       name,
			FromObject: func(v *T) index.KeySet { return index.StringSlice(of(v)) },
			FromKey:    index.String,
		}
		others = append(others, t.by[name])
	}
	rows, err := statedb.NewTableAny(db, string(s.kind), nil, nil, t.byID, others...)
	if err != nil {
		panic(fmt.Sprintf("store: table %s: %v", s.kind, err)) // the schemas are a closed set, made once
	}
	t.rows = rows
	if s.counted != "" {
		if t.have, err = newTallies(db, s.kind); err != nil {
			panic(fmt.Sprintf("store: tallies of %s: %v", s.kind, err))
		}
	}
	return t
}

// get returns the row itself, which is never changed in place.
func (t *table[T]) get(txn statedb.ReadTxn, id string) (*T, bool) {
	v, _, ok := t.rows.Get(txn, t.byID.Query(id))
	return v, ok
}

// Table reads the rows of one kind. Rows are returned by value, but share their
// slices and maps with the store: clone these before changing them.
type Table[T any] struct {
	t   *table[T]
	txn statedb.ReadTxn
}

// Get returns the row with the id.
func (t Table[T]) Get(id string) (T, bool) {
	v, ok := t.t.get(t.txn, id)
	if !ok {
		var none T
		return none, false
	}
	return *v, true
}

// Len returns how many rows there are.
func (t Table[T]) Len() int { return t.t.rows.NumObjects(t.txn) }

// All returns every row by ascending id, as they are when the loop begins:
// what the loop itself writes does not change what it sees.
func (t Table[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range t.t.rows.All(t.txn) {
			if !yield(*v) {
				return
			}
		}
	}
}

// By returns the rows that the index has under key, by ascending id, as they are
// when the loop begins. The indexes are those of tables.go; another name panics.
func (t Table[T]) By(name, key string) iter.Seq[T] {
	ix := t.index(name)
	return func(yield func(T) bool) {
		for v := range t.t.rows.List(t.txn, ix.Query(key)) {
			if !yield(*v) {
				return
			}
		}
	}
}

// Count returns how many rows the index has under key.
func (t Table[T]) Count(name, key string) int {
	if name == t.t.counted {
		return t.t.have.get(t.txn, key)
	}
	n := 0
	for range t.t.rows.List(t.txn, t.index(name).Query(key)) {
		n++
	}
	return n
}

func (t Table[T]) index(name string) statedb.Index[*T, string] {
	ix, ok := t.t.by[name]
	if !ok {
		panic(fmt.Sprintf("store: table %s has no index %q", t.t.kind, name))
	}
	return ix
}
