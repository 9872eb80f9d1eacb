// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/agent"
	"enishi.dev/enishi/cmd/attack"
	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/cmd/parts/control"
)

// sealedEnv marks the test binary that runs in a network namespace of its own.
const sealedEnv = "ENISHI_TEST_SEALED"

// TestMain makes the test binary the program, too, and what attacks: `up` and instances start
// themselves again. Whatever starts `up` runs without a way out to any network.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == parts.ControlProgram {
		controlMain()
	}
	if len(os.Args) > 1 && os.Args[1] == "attack" {
		if err := attack.Main(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 4 && os.Args[1] == captiveName {
		os.Exit(captive(os.Args[2], os.Args[3]))
	}
	// The program starts itself with its own name for an argument, never with a flag of go test.
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(program())
	}
	if os.Getenv(sealedEnv) == "" && os.Geteuid() == 0 {
		os.Exit(seal())
	}
	testscript.Main(leakless{m}, map[string]func(){"enishi": func() { os.Exit(program()) }, parts.ControlProgram: controlMain})
}

// controlMain is the main of enishi-control.
func controlMain() { os.Exit(control.Main(os.Args[1:], os.Stdout, os.Stderr)) }

// leakless fails tests that leave goroutines behind.
type leakless struct{ *testing.M }

func (l leakless) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// seal runs the tests again in a new network namespace where loopback is up.
func seal() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), sealedEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestScripts runs testdata/script/*.txtar. Besides testscript's own commands:
//
//	wait-for FILE             until the file exists, for at most ten seconds
//	end SIGNAL FILE           sends it to the process whose id is in the file; waits until it is gone
//	kill-part NAME            SIGKILL to a part of the `up` in $ENISHI_RUN_DIR
//	kill-randomly NAMES...    SIGKILL to one of these parts after the other, ENISHI_KILLS times
//	slow-disk SECONDS FILE    each write of control takes so long, while the process whose id goes to the file runs
//	linearizable HOW @FILES... calls on the resources whose ids are in the files fit one order, though control is killed, or its disk is slow
//	under-attack FILE         the attacker that it names attacks in every way; others go on
//	nothing-left              no process, mount or file with the run directory
//	as UID ARGS...            runs `enishi ARGS...` as another user
func TestScripts(t *testing.T) {
	if os.Geteuid() == 0 {
		raiseLoopback(t)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Condition: func(c string) (bool, error) {
			switch c {
			case "root":
				return os.Geteuid() == 0, nil
			case "aws", "strace":
				_, err := exec.LookPath(c)
				return err == nil, nil
			}
			return false, fmt.Errorf("condition %s is not known", c)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"wait-for": waitFor, "end": end, "kill-part": killPart, "kill-randomly": killRandomly, "slow-disk": slowDisk, "linearizable": linearizable, "under-attack": underAttack, "nothing-left": nothingLeft, "as": runAs,
		},
	})
}

// raiseLoopback makes the namespace of the tests one where 127.0.0.1 is reached.
func raiseLoopback(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return // who is not root is in no namespace of the tests' own
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setup gives a script a run directory of its own, that others can walk to, and
// takes away what it leaves.
func setup(e *testscript.Env) error {
	dir, err := os.MkdirTemp("", "enishi-test-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	run, other := filepath.Join(dir, "run"), filepath.Join(dir, "other")
	e.Defer(func() {
		endLeft(other)
		endLeft(run)
		if err := errors.Join(agent.Teardown(other), agent.Teardown(run), os.RemoveAll(dir)); err != nil && os.Geteuid() == 0 {
			fmt.Fprintln(os.Stderr, "clean up:", err)
		}
	})
	e.Setenv("ENISHI_RUN_DIR", run)
	e.Setenv("OTHER", other) // the run directory of a second host
	e.Setenv("DIR", dir)
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	e.Setenv("TESTDATA", testdata)
	e.Setenv(sealedEnv, "1")
	e.Setenv("HOME", dir)
	for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION"} { // where aws may come from
		e.Setenv(name, os.Getenv(name))
	}
	return nil
}

// endLeft ends the `up` that a script which failed has left in the run directory.
func endLeft(run string) {
	b, err := os.ReadFile(filepath.Join(run, lockFile))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil || !running(run) {
		return
	}
	_ = unix.Kill(pid, unix.SIGTERM)
	for range 1000 {
		if !running(run) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = unix.Kill(pid, unix.SIGKILL)
}

func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s did not come within 10 s", args[0])
		}
	}
}

func end(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[1])))
	ts.Check(err)
	sig := map[string]unix.Signal{"KILL": unix.SIGKILL, "TERM": unix.SIGTERM}[args[0]]
	ts.Check(unix.Kill(pid, sig))
	for range 2000 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("process %d does not end", pid)
}

// partsOf lists the processes of the run directory: pid and arguments.
func partsOf(dir string) map[int][]string {
	found := map[int][]string{}
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil || !bytes.Contains(b, []byte(dir)) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(p, "/")[2])
		found[pid] = strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	}
	return found
}

func killPart(ts *testscript.TestScript, _ bool, args []string) {
	pid := partNamed(ts.Getenv("ENISHI_RUN_DIR"), args[0])
	if pid == 0 {
		ts.Fatalf("no part %s runs", args[0])
	}
	ts.Check(unix.Kill(pid, unix.SIGKILL))
}

// killRandomly kills one of the named parts after the other, at random moments;
// ENISHI_KILLS says how often.
func killRandomly(ts *testscript.TestScript, _ bool, names []string) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("ENISHI_KILLS")); err == nil {
		kills = n
	}
	for range kills {
		time.Sleep(time.Duration(20+rand.IntN(800)) * time.Millisecond)
		name := names[rand.IntN(len(names))]
		for range 2000 { // it may still be on its way back
			if pid := partNamed(ts.Getenv("ENISHI_RUN_DIR"), name); pid != 0 {
				ts.Check(unix.Kill(pid, unix.SIGKILL))
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// partNamed is the pid of a part, or 0.
func partNamed(dir, name string) int {
	for pid, argv := range partsOf(dir) {
		if parts.Name(argv) == name {
			return pid
		}
	}
	return 0
}

func nothingLeft(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.Getenv("ENISHI_RUN_DIR")
	if left := partsOf(dir); len(left) > 0 {
		ts.Fatalf("processes are left: %v", left)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	ts.Check(err)
	if bytes.Contains(mounts, []byte(dir)) {
		ts.Fatalf("mounts are left under %s", dir)
	}
	if _, err := os.Lstat(dir); err == nil {
		ts.Fatalf("%s is left", dir)
	}
	groups, err := agent.GroupsLeft(dir)
	ts.Check(err)
	if len(groups) > 0 {
		ts.Fatalf("control groups are left: %q", groups)
	}
}

func runAs(ts *testscript.TestScript, neg bool, args []string) {
	uid, err := strconv.ParseUint(args[0], 10, 32)
	ts.Check(err)
	cmd := exec.Command("/proc/self/exe", args[1:]...)
	cmd.Env = []string{"ENISHI_RUN_DIR=" + ts.Getenv("ENISHI_RUN_DIR"), "PATH=" + ts.Getenv("PATH"), sealedEnv + "=1"}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	if err := cmd.Run(); (err != nil) != neg {
		ts.Fatalf("as %s: %v", strings.Join(args, " "), err)
	}
}
