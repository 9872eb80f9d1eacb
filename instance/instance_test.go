// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/netns"
)

func TestMain(m *testing.M) {
	if IsInit(os.Args) {
		os.Exit(InitMain(os.Args))
	}
	// A read of a terminal cannot be called off: it ends with the process.
	const room = "enishi.dev/enishi/instance."
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(room+"relay.func2"), goleak.IgnoreAnyFunction(room+"(*frames).sendInput"), goleak.IgnoreAnyFunction(room+"newTypist.func2"))
}

// place is a running instance, and a socket in front of it as the agent has one.
type place struct {
	*Instance
	dir    string
	agent  string // path of the socket
	who    atomic.Pointer[Identity]
	hidden string
	far    bool // callers are on another machine
}

// call runs a command the way that callers do.
func (p *place) call(ctx context.Context, q Request, std Stdio) (int, error) {
	if !p.far {
		return Exec(ctx, p.agent, q, std)
	}
	return ExecFar(ctx, func(context.Context) (net.Conn, error) { return net.Dial("unix", p.agent+".far") }, q, std)
}

// eachWay tests that callers on this machine and on another get the same.
func (p *place) eachWay(t *testing.T, test func(t *testing.T)) {
	for name, far := range map[string]bool{"here": false, "from another machine": true} {
		p.far = far
		t.Run(name, test)
	}
}

// become makes who run the commands from now on.
func (p *place) become(who Identity) { p.who.Store(&who) }

func start(t *testing.T) *place { return startWith(t, "") }

func startWith(t *testing.T, script string) *place {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces and mounts")
	}
	top := t.TempDir()
	p := &place{dir: filepath.Join(top, "state", "i-1"), agent: filepath.Join(top, "agent.sock"), hidden: top}
	if err := os.Mkdir(filepath.Join(top, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(top, "state")
	if err := unix.Mount("tmpfs", state, "tmpfs", 0, "mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(state, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ns, _, err := netns.Make(filepath.Join(state, "ns"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	p.Instance, err = Start(t.Context(), Spec{
		ID: "i-1", Hostname: "ip-10-0-1-10", Domain: "ap-northeast-1.compute.internal", Region: "ap-northeast-1",
		Resolver: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, CA: []byte("the CA\n"),
		Hide: []string{top}, Detach: []string{state}, Script: []byte(script),
	}, p.dir, ns, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	p.become(Identity{})
	p.serve(t)
	return p
}

// serve does what the agent does for a caller.
func (p *place) serve(t *testing.T) {
	p.serveAt(t, p.agent, HandOver)
	p.serveAt(t, p.agent+".far", Carry)
}

func (p *place) serveAt(t *testing.T, path string, enter func(context.Context, http.ResponseWriter, *os.File) error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q Request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Instance != "i-1" {
			http.Error(w, "no instance "+q.Instance, http.StatusNotFound)
			return
		}
		conn, err := p.Enter(*p.who.Load())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer conn.Close()
		if err := enter(r.Context(), w, conn); err != nil && !errors.Is(err, io.EOF) { // gone without a request
			t.Error(err)
		}
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
}

// result is what a command did.
type result struct {
	Code     int
	Out, Err string
}

// run runs a command with stdin and returns what it did.
func (p *place) run(t *testing.T, ctx context.Context, stdin string, q Request) result {
	t.Helper()
	files := map[string]*os.File{}
	dir := t.TempDir()
	for _, name := range []string{"in", "out", "err"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[name] = f
	}
	if _, err := files["in"].WriteString(stdin); err != nil {
		t.Fatal(err)
	}
	if _, err := files["in"].Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	q.Instance = "i-1"
	code, err := p.call(ctx, q, Stdio{In: files["in"], Out: files["out"], Err: files["err"]})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return result{code, read("out"), read("err")}
}

// sh runs a shell script and returns what it printed; it must succeed.
func (p *place) sh(t *testing.T, script string) string {
	t.Helper()
	r := p.run(t, t.Context(), "", Request{Argv: []string{"sh", "-c", script}})
	if r.Code != 0 || r.Err != "" {
		t.Fatalf("%s: exit code %d: %s", script, r.Code, r.Err)
	}
	return strings.TrimSpace(r.Out)
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

func TestLife(t *testing.T) {
	p := start(t)
	t.Run("another process finds it and takes it over", func(t *testing.T) {
		i, err := Adopt(p.dir)
		if err != nil {
			t.Fatal(err)
		}
		p.Instance.pidfd.Close()
		p.Instance = i
		if got := p.sh(t, "echo here"); got != "here" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("killed, nothing of it is left", func(t *testing.T) {
		if got := p.sh(t, "sleep 1000 >/dev/null 2>&1 & echo started"); got != "started" {
			t.Fatal(got)
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.Ended()
		if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("files: %v", err)
		}
		if _, err := Adopt(p.dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("adopt: %v", err)
		}
	})
}

func TestItsProcessesTakeShortTurnsWithTheUsualTimers(t *testing.T) {
	p := start(t)
	if got := p.sh(t, "cat /proc/self/timerslack_ns"); got != "50000" {
		t.Errorf("timer slack %s ns, want the kernel's usual", got)
	}
	if own, err := os.ReadFile("/proc/self/sched"); err != nil || !strings.Contains(string(own), "se.slice") {
		t.Skip("needs a kernel that tells of slices (Linux 6.12)")
	}
	if got := strings.Fields(p.sh(t, "grep ^se.slice /proc/self/sched")); len(got) != 3 || got[2] != "300000" {
		t.Errorf("slice %q, want 300000 ns", got)
	}
}

func TestAdoptDoesNotTakeAStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: holds a process by its pid")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a pid used again": fmt.Sprintf("%d 12345", os.Getpid()),
		"a cut-off file":   fmt.Sprint(os.Getpid()),
		"no number":        "x y",
		"nobody":           "4194304 1",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, pidFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Adopt(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes namespaces and mounts")
	}
	top := t.TempDir()
	ns, _, err := netns.Make(filepath.Join(top, "ns"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { ns.Close(); _ = netns.Remove(ns.Path()) }()
	dir := filepath.Join(top, "i-1")
	_, err = Start(t.Context(), Spec{ID: "i-1", Detach: []string{filepath.Join(top, "none")}}, dir, ns, nil)
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files are left: %v", err)
	}
}
