// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"sync"
	"time"
)

// deadline is that of a connection's reads or writes. To move one costs as much as
// a look-up in a map or two, and most requests need none, as they arrive and leave
// at once: what is wanted is kept in mind, and set when there is something to wait
// for, up to a quarter late so that it need not be moved each time.
type deadline struct {
	mu        sync.Mutex
	want, set time.Time // zero: none
	passed    bool      // for good
}

// by wants t; zero: as long as it takes.
func (d *deadline) by(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
}

// within wants what is so long from now; 0: as long as it takes.
func (d *deadline) within(t time.Duration) {
	if t == 0 {
		d.by(time.Time{})
		return
	}
	d.by(time.Now().Add(t))
}

// apply makes what is wanted hold.
func (d *deadline) apply(set func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed {
		return
	}
	if d.want.IsZero() {
		if !d.set.IsZero() {
			d.set = time.Time{}
			_ = set(d.set) // a closed connection fails by itself
		}
		return
	}
	slack := max(0, time.Until(d.want)/4)
	if d.set.Before(d.want) || d.set.After(d.want.Add(slack)) {
		d.set = d.want.Add(slack / 2) // not at the edge, which the next may miss by a moment
		_ = set(d.set)
	}
}

// forget says that somebody else has set the deadline.
func (d *deadline) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = time.Unix(1, 0)
}

// cut ends what waits now, and what would wait later.
func (d *deadline) cut(set func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passed = true
	_ = set(time.Unix(1, 0)) // a closed connection waits for nothing
}
