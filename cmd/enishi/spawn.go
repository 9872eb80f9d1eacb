// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/instance/cgroup"
	"enishi.dev/enishi/instance/confine"
	"enishi.dev/enishi/netns"
)

// urgency is the nice value of the unprivileged parts: what they do for one instance
// is short, and others wait for it, while an instance may compute for ever. Without
// it, an instance that asks without end makes the answers of all wait ten times as long.
const urgency = -10

// slack is by how much timers of the parts may be late. While there is work, Go's
// runtime looks after its threads every 20 µs; with the kernel's usual slack of 50 µs
// that alone is a sixth of their processor time.
const slack = time.Millisecond

// collect has the parts collect garbage when half as much as they hold has come to it,
// where Go would wait for as much again. They hold little, so that it costs little, and
// they go through less memory: parts 6 and 9 of docs/benchmarks.md have the figures.
const collect = "GOGC=50"

// part is a process of `up`.
type part struct {
	name  string
	uid   int      // 0: stays privileged
	own   *os.File // its program, if that is not this one
	args  []string
	files []*os.File   // its fd 3 and on
	sees  confine.Root // of the machine's files, besides its own program, if it is unprivileged
	log   string       // path of the file that takes its stderr

	groups *cgroup.Tree // where it gets one; nil: nowhere
}

// partPath is where unprivileged parts see their own program.
const partPath = "/bin/enishi"

// program is the path of the file that p runs: the same one as long as this process is
// there, whatever takes the file's name.
func (p part) program() string {
	if p.own == nil {
		return confine.Self
	}
	return fmt.Sprintf("/proc/self/fd/%d", p.own.Fd())
}

// argv says what p is to whoever looks at processes.
func (p part) argv() []string {
	if p.own == nil {
		return append([]string{"enishi", p.name}, p.args...)
	}
	return append([]string{filepath.Base(p.own.Name())}, p.args...)
}

// launch starts p and returns the channel on which its end comes; every part is
// killed when this program dies.
//
// The thread that starts it stays with it to its end: what is taken from a part is
// taken from the thread, and the death signal fires when the thread ends.
func (p part) launch() (*os.Process, <-chan error, error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	started := make(chan error, 1)
	ended := make(chan error, 1)
	weighed := make(chan struct{}) // the number is this process's until somebody has waited for it
	cmd := &exec.Cmd{Path: p.program(), Args: p.argv()}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOTRACEBACK=single", collect}
	cmd.Stdin, cmd.Stderr, cmd.Stdout = null, log, log
	cmd.ExtraFiles = p.files
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL, Setsid: true}
	go netns.OnThread(func() error {
		defer log.Close()
		defer null.Close()
		err := p.confine(cmd)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			<-weighed
			ended <- cmd.Wait()
		}
		return nil
	})
	if err := <-started; err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.weigh(cmd.Process.Pid)
	close(weighed)
	return cmd.Process, ended, nil
}

// weigh has p count for as much as is urgent where the kernel shares out its time among
// control groups, or else among sessions, if it does either.
func (p part) weigh(pid int) {
	times := 1
	if p.uid != 0 {
		times = 2 // who is busy gives way to it anyway, and others want to be heard, too
	}
	if p.groups.AddPart(p.name, pid, times) != nil && p.uid != 0 {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(urgency)), 0)
	}
}

// confine takes from the calling thread what p may not have. The agent keeps the
// capabilities that it needs. Others keep none, and start as a user of their own, in
// namespaces with no process but themselves, no file but theirs and no network.
func (p part) confine(cmd *exec.Cmd) error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil { // what it starts has it too
		return err
	}
	if p.uid == 0 {
		return confine.Thread(agent.Capabilities()...)
	}
	// Of this thread, so of what it starts; a container may forbid it, and a kernel not know slices.
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Nice: urgency, Runtime: uint64(instance.Slice)}, 0)
	program, err := confine.Program(p.program(), partPath)
	if err != nil {
		return err
	}
	if err := slices.Concat(program, p.sees).Enter(); err != nil {
		return err
	}
	cmd.Path = partPath
	cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0))) // a limit of a cgroup is out of sight
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNET             // sockets that it was given stay where they are
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}
	return confine.Thread()
}
