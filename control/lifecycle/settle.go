// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"enishi.dev/enishi/store"
)

// together is how many rows move in one decision: others wait for it.
const together = 500

// settle brings unsettled rows as far as what was seen allows.
func (l *Lifecycle) settle(ctx context.Context) error {
	o := l.observed()
	v := l.store.View()
	now := time.Now()
	var todo []store.Ref
	for r := range l.unsettled {
		w, done := l.next(v, o, now, r)
		if w != nil {
			todo = append(todo, r)
		} else if done {
			delete(l.unsettled, r)
		}
	}
	for some := range slices.Chunk(todo, together) {
		if err := l.move(ctx, o, some); err != nil {
			return err
		}
	}
	return nil
}

// move writes what rows need now, in one decision, or in halves if that is more
// than the store takes: a console makes a large row. One row that is too much by
// itself stays where it is, and holds up no other.
func (l *Lifecycle) move(ctx context.Context, o Observed, rows []store.Ref) error {
	err := l.store.Decide(ctx, func(tx *store.Tx) error {
		for _, r := range rows {
			if w, _ := l.next(&tx.View, o, tx.Now(), r); w != nil {
				w(tx)
			}
		}
		return nil
	})
	if !errors.Is(err, store.ErrTooLarge) {
		return err
	}
	half := len(rows) / 2
	if half == 0 {
		l.log.Warn("what a row needs cannot be written; it is tried again", "kind", rows[0].Kind, "id", rows[0].ID, "err", err)
		return nil
	}
	if err := l.move(ctx, o, rows[:half]); err != nil {
		return err
	}
	return l.move(ctx, o, rows[half:])
}
