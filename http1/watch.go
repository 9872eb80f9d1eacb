// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"crypto/tls"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watchAfter is how long a request is worked on before it is looked whether its
// caller is still there: most are answered before, and need nobody to look.
const watchAfter = 100 * time.Millisecond

// watch ends a connection's context when its caller goes while a request is worked
// on.
type watch struct {
	conn *conn

	mu    sync.Mutex
	body  *body // of the request under way; nil: none is
	begun time.Time
	timer *time.Timer
	armed bool          // the timer runs: it is left to, as setting it for each request costs more
	ended chan struct{} // closed when looking has ended; nil: nobody looks
}

func (w *watch) begin(b *body) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body, w.begun = b, time.Now()
	if !w.armed {
		w.arm(watchAfter)
	}
}

// arm has the timer fire after d. The lock is held.
func (w *watch) arm(d time.Duration) {
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.fire)
		return
	}
	w.timer.Reset(d)
}

// end returns when nobody looks any more.
func (w *watch) end() {
	w.mu.Lock()
	ended := w.ended
	w.body, w.ended = nil, nil
	w.mu.Unlock()
	if ended == nil {
		return
	}
	_ = w.conn.net.SetReadDeadline(time.Unix(1, 0))
	<-ended
	w.conn.read.forget()
}

// fire begins to look at a request that takes so long, once its body is read: until
// then the body's reader will see the end.
func (w *watch) fire() {
	w.mu.Lock()
	w.armed = false
	takes := time.Since(w.begun)
	switch {
	case w.body == nil:
	case takes < watchAfter:
		w.arm(watchAfter - takes)
	case !w.body.ended.Load():
		w.arm(watchAfter)
	default:
		ended := make(chan struct{})
		w.ended = ended
		defer close(ended)
		_ = w.conn.net.SetReadDeadline(time.Time{}) // that of the head or the body, which have been read
		w.mu.Unlock()
		if w.conn.gone() {
			w.conn.cancel()
		}
		return
	}
	w.mu.Unlock()
}

// gone waits until the other end has closed the connection, or its half of it, or
// a read deadline ends the waiting, and says whether the first was the case.
func (c *conn) gone() bool {
	plain := c.net
	if t, ok := plain.(*tls.Conn); ok {
		plain = t.NetConn()
	}
	s, ok := plain.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	// What has come before the end may be unread, and encrypted: only the kernel knows.
	err = raw.Read(func(fd uintptr) bool {
		state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(state, 0)
		return err == nil && n > 0
	})
	return err == nil
}
