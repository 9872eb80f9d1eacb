// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance/confine"
)

// The users of the unprivileged parts: numbers of nobody else's, in the range
// that systemd leaves to such dynamic users.
const (
	controlUID  = 64801
	gatewayUID  = 64802
	servicesUID = 64803
)

// urgency is the nice value of the unprivileged parts: what they do for one instance
// is short, and others wait for it, while an instance may compute for ever. Without
// it, an instance that asks without end makes the answers of all wait ten times as long.
const urgency = -10

// part is a process of `up`.
type part struct {
	name  string
	uid   int // 0: stays privileged
	args  []string
	files []*os.File // its fd 3 and on
	log   string     // path of the file that takes its stderr
}

// launch starts p and returns the channel on which its end comes. An
// unprivileged part starts with a user of its own, an empty bounding set and
// no_new_privs; every part is killed when this program dies.
//
// The thread that starts it stays with it to its end: both no_new_privs and the
// bounding set are the thread's own, and the death signal fires when the thread ends.
func (p part) launch() (*os.Process, <-chan error, error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	started := make(chan error, 1)
	ended := make(chan error, 1)
	cmd := exec.Command("/proc/self/exe", append([]string{p.name}, p.args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOTRACEBACK=single"}
	cmd.Stderr, cmd.Stdout = log, log
	cmd.ExtraFiles = p.files
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL, Setsid: true}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the part
		defer log.Close()
		if p.uid != 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}
			if err := confine.Thread(); err != nil {
				started <- err
				return
			}
		}
		if p.uid != 0 {
			_ = unix.Setpriority(unix.PRIO_PROCESS, 0, urgency) // of this thread, so of what it starts; a container may forbid it
		}
		err := cmd.Start()
		if err == nil && p.uid != 0 { // where the kernel shares out its time among sessions, theirs count
			_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", cmd.Process.Pid), []byte(strconv.Itoa(urgency)), 0)
		}
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return cmd.Process, ended, nil
}
