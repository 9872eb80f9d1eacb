// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lookEvery = 100 * time.Millisecond
	firstLook = time.Second // who begins has more to do first, and those who gave way go on to
	tenth     = 10          // looking takes at most this part of a processor

	// Of one processor.
	busy    = 0.5  // who uses more gives way
	calm    = 0.25 // who uses less for calmFor does not
	calmFor = time.Second
)

// Watch looks, until ctx ends or somebody has removed the tree, which instances keep
// processors busy, and has those give way to all others: the kernel takes the processor
// from one as soon as somebody else in the tree can run.
func (t *Tree) Watch(ctx context.Context, log *slog.Logger) {
	if t == nil {
		return
	}
	for wait := firstLook; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		begun := time.Now()
		if err := t.look(begun); err != nil {
			log.Warn("instances that keep processors busy do not give way to others any more", "err", err)
			return
		}
		wait = max(lookEvery, tenth*time.Since(begun))
	}
}

// look is one look. As long as all together use little and nobody gives way, nobody is
// asked for his part.
func (t *Tree) look(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	used, err := t.usage(filepath.Join(t.counts, t.name))
	if err != nil {
		return err
	}
	if t.sum.rate(used, now) < busy && !t.yields {
		return nil
	}
	t.yields = false
	for group, m := range t.groups {
		err := t.weigh(group, m, now)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) { // it ends meanwhile
			return err
		}
		t.yields = t.yields || m.idle
	}
	return nil
}

// weigh has the group give way or not, as its use of processors says.
func (t *Tree) weigh(group string, m *meter, now time.Time) error {
	used, err := t.usage(filepath.Join(t.counts, t.name, group))
	if err != nil {
		return err
	}
	if was := m.idle; m.judge(used, now) != was {
		return t.set(group, m.idle)
	}
	return nil
}

func (t *Tree) set(group string, idle bool) error {
	n := 0
	if idle {
		n = 1
	}
	return write(filepath.Join(t.shares, t.name, group), "cpu.idle", n)
}

// meter is what is known of a group's use of processors.
type meter struct {
	at   time.Time
	used time.Duration // at that time
	idle bool          // it gives way
	last time.Time     // when it was not calm
}

// rate is of how many processors the group has had the use since it was looked at before.
func (m *meter) rate(used time.Duration, now time.Time) float64 {
	since, more := now.Sub(m.at), used-m.used
	m.at, m.used = now, used
	return more.Seconds() / since.Seconds()
}

// judge says whether the group is to give way from now on.
func (m *meter) judge(used time.Duration, now time.Time) bool {
	rate := m.rate(used, now)
	if rate >= calm {
		m.last = now
	}
	if rate >= busy {
		m.idle = true
	} else if now.Sub(m.last) >= calmFor {
		m.idle = false
	}
	return m.idle
}
