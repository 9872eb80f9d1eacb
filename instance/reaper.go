// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// reaper waits for every child of the first process: its commands, and whatever
// lost its parent.
type reaper struct {
	mu      sync.Mutex // held while a command starts, so that its end is not taken for a stranger's
	waiting map[int]chan syscall.WaitStatus
	died    chan os.Signal
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan syscall.WaitStatus{}, died: make(chan os.Signal, 1)}
	signal.Notify(r.died, unix.SIGCHLD)
	return r
}

// start runs fork, and returns the new process and where its end will be told.
func (r *reaper) start(fork func() (pid int, err error)) (int, <-chan syscall.WaitStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return 0, nil, err
	}
	end := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = end
	return pid, end, nil
}

// run reaps for ever.
func (r *reaper) run() {
	for range r.died {
		r.reap()
	}
}

func (r *reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if end := r.waiting[pid]; end != nil {
			end <- ws
			delete(r.waiting, pid)
		}
	}
}
