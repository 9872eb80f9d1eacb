// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
)

func TestMain(m *testing.M) {
	if instance.IsInit(os.Args) {
		os.Exit(instance.InitMain(os.Args))
	}
	if len(os.Args) > 1 && os.Args[1] == "tool" {
		os.Exit(tool(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

const hostName = "h1"

// host is a machine with an agent, and a control that says what the test wants.
type host struct {
	t   *testing.T
	run string
	ca  *authority
	log bytes.Buffer

	end   context.CancelFunc // of the agent
	ended chan error

	mu       sync.Mutex
	changed  *sync.Cond
	revision int64
	world    map[hoststate.Key]hoststate.Unit
	feeds    map[chan hoststate.Delta]bool
	reported hoststate.Report // everything that holds
	consoles map[string]string
}

func newHost(t *testing.T) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces and attaches programs")
	}
	dir, err := os.MkdirTemp("", "enishi") // short: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, run: dir, ca: newAuthority(t), world: map[hoststate.Key]hoststate.Unit{}, feeds: map[chan hoststate.Delta]bool{}, consoles: map[string]string{}}
	h.changed = sync.NewCond(&h.mu)
	h.reported = hoststate.Report{Refused: map[string]string{}, Ready: map[string]int64{}, Instances: map[string]hoststate.InstanceReport{}}
	h.writeCA()
	h.control()
	h.start()
	t.Cleanup(func() {
		h.stop()
		for range 2 { // the second time there is nothing to do
			if err := Teardown(h.run); err != nil {
				t.Error(err)
			}
		}
		h.nothingLeft()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("agent's log:\n%s", h.log.String())
		}
	})
	h.until("the agent follows", func(r hoststate.Report) bool { return r.Position.Revision > 0 })
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.run, name) }

func (h *host) writeCA() {
	h.t.Helper()
	if err := os.WriteFile(h.path("ca.pem"), h.ca.pem, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// start starts an agent.
func (h *host) start() {
	h.t.Helper()
	l, doors := h.socket("unix", "agent.sock"), h.socket("unixpacket", "agent-gateway.sock")
	ctx, cancel := context.WithCancel(context.Background())
	h.end, h.ended = cancel, make(chan error, 1)
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: &h.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		h.ended <- Run(ctx, Options{RunDir: h.run, Host: hostName, Instances: true, GatewayUID: os.Getuid(), OwnerUID: ownerUID, Listener: l, Handover: doors, Log: log})
	}()
}

// socket makes a socket of the run directory.
func (h *host) socket(network, name string) *net.UnixListener {
	h.t.Helper()
	_ = os.Remove(h.path(name))
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: h.path(name), Net: network})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chmod(h.path(name), 0o666); err != nil {
		h.t.Fatal(err)
	}
	return l
}

// stop ends the agent.
func (h *host) stop() {
	h.t.Helper()
	if h.end == nil {
		return
	}
	h.end()
	h.end = nil
	select {
	case err := <-h.ended:
		if err != nil {
			h.t.Errorf("agent: %v", err)
		}
	case <-time.After(20 * time.Second):
		h.t.Fatal("agent does not end")
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// status asks the agent as root.
func (h *host) status() (s hoststate.AgentStatus) {
	h.t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", h.path("agent.sock"))
	}}}
	r, err := c.Get("http://agent/v1/status")
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// nothingLeft looks for what a run must not leave.
func (h *host) nothingLeft() {
	h.t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		h.t.Fatal(err)
	}
	if strings.Contains(string(mounts), h.run) {
		h.t.Errorf("mounts are left:\n%s", mounts)
	}
	if _, err := os.Lstat(h.path("state")); !errors.Is(err, os.ErrNotExist) {
		h.t.Errorf("state is left: %v", err)
	}
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range procs {
		if b, err := os.ReadFile(p); err == nil && bytes.Contains(b, []byte(h.run)) {
			h.t.Errorf("a process is left: %q", b)
		}
	}
}

// exec runs a command in an instance as the test's user.
func (h *host) exec(id string, argv ...string) (code int, out string) {
	h.t.Helper()
	dir := h.t.TempDir()
	f, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		h.t.Fatal(err)
	}
	defer null.Close()
	code, err = instance.Exec(h.t.Context(), h.path("agent.sock"), instance.Request{Instance: id, Argv: argv}, instance.Stdio{In: null, Out: f, Err: f})
	if err != nil {
		h.t.Fatalf("exec in %s: %v", id, err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		h.t.Fatal(err)
	}
	return code, strings.TrimSpace(string(b))
}

// sh runs a script that must succeed, and returns what it printed.
func (h *host) sh(id, script string) string {
	h.t.Helper()
	code, out := h.exec(id, "sh", "-c", script)
	if code != 0 {
		h.t.Fatalf("in %s: %s: exit code %d: %s", id, script, code, out)
	}
	return out
}

// eventually waits until ok, at most 10 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// asUser runs f on a thread that is another user, with a group of the next number
// and more groups, as a process of that user would be.
func asUser(uid int, f func(), groups ...uint32) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		lockForGood()
		list := append([]uint32{0}, groups...)[1:]
		var first unsafe.Pointer
		if len(list) > 0 {
			first = unsafe.Pointer(&list[0])
		}
		id := uintptr(uid)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(list)), uintptr(first), 0); errno != 0 {
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, id+1, id+1, id+1); errno != 0 {
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); errno != 0 {
			return
		}
		f()
	}()
	<-done
}
