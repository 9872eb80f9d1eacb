// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/netns"
)

func TestRestart(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	i2, e2 := testInstance("i-2", "vpc-a", 101, 2, "10.0.1.20")
	i3, e3 := testInstance("i-3", "vpc-b", 102, 3, "10.0.1.30")
	world := append(append(testNetwork("vpc-a", 101), testNetwork("vpc-b", 102)...), i1, e1, i2, e2, i3, e3)
	world = append(world, testEndpoint("vpc-a", 101, 50, []string{"ec2.example"}, "10.0.1.50")...)
	h.want(world)
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		h.untilInstance(id, hoststate.InstanceRunning)
	}
	g := h.gateway()
	go serve(g.listener("vpc-a"), "old")
	h.listen("i-2", ":80")
	pid, err := os.ReadFile(h.path("state/instances/i-1/pid"))
	if err != nil {
		t.Fatal(err)
	}
	toInstance, toService := h.stay("i-1", "10.0.1.20:80"), h.stay("i-1", "10.0.1.50:443")
	toInstance.echoes("before")
	toService.echoes("before")

	h.stop()
	t.Run("without an agent all goes on", func(t *testing.T) {
		toInstance.echoes("between")
		toService.echoes("between")
	})
	// While there is none, a network goes with its instance.
	h.mu.Lock()
	for k, u := range h.world {
		switch u := u.(type) {
		case *hoststate.Network:
			if u.ID == "vpc-b" {
				delete(h.world, k)
			}
		case *hoststate.Instance:
			if u.ID == "i-3" {
				delete(h.world, k)
			}
		case *hoststate.Interface:
			if u.Network == "vpc-b" {
				delete(h.world, k)
			}
		}
	}
	h.reported.Position = hoststate.Position{}
	clear(h.reported.Instances)
	h.mu.Unlock()
	h.start()
	h.until("the new agent has taken over", func(r hoststate.Report) bool {
		return r.Position.Revision > 0 && r.Instances["i-1"].State == hoststate.InstanceRunning && r.Instances["i-2"].State == hoststate.InstanceRunning
	})

	t.Run("connections have noticed nothing", func(t *testing.T) {
		toInstance.echoes("after")
		toService.echoes("after")
	})
	t.Run("instances are the same, and take commands", func(t *testing.T) {
		now, err := os.ReadFile(h.path("state/instances/i-1/pid"))
		if err != nil || string(now) != string(pid) {
			t.Errorf("pid %q, %v; was %q", now, err, pid)
		}
		if got := h.sh("i-1", "hostname"); got != "host-i-1" {
			t.Error(got)
		}
	})
	t.Run("new connections come to the new sockets", func(t *testing.T) {
		next := h.gateway()
		go serve(next.listener("vpc-a"), "new")
		for range 20 {
			if code, out := h.dial("i-1", "10.0.1.50:443"); code != 0 || out != "new at 10.0.1.50:443 for 10.0.1.10" {
				t.Fatalf("exit code %d: %s", code, out)
			}
		}
	})
	t.Run("what is wanted no more has gone", func(t *testing.T) {
		names, err := netns.List(h.path("state/ns"))
		if err != nil || len(names) != 5 { // fabric, probe, svc-vpc-a, i-1, i-2
			t.Errorf("%q, %v", names, err)
		}
		if _, err := os.Stat(h.path("state/instances/i-3")); err == nil {
			t.Error("i-3 is left")
		}
	})
	t.Run("what comes now comes to life", func(t *testing.T) {
		i4, e4 := testInstance("i-4", "vpc-a", 101, 4, "10.0.1.40")
		h.want(units(i4, e4))
		h.untilInstance("i-4", hoststate.InstanceRunning)
		if code, out := h.dial("i-4", "10.0.1.20:80"); code != 0 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
}

// talk is a connection that a command in an instance keeps.
type talk struct {
	t   *testing.T
	in  *os.File
	out *bufio.Reader
}

func (h *host) stay(id, addr string) *talk {
	h.t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = instance.Exec(ctx, h.path("agent.sock"), instance.Request{Instance: id, Argv: []string{self(h.t), "tool", "stay", addr}}, instance.Stdio{In: inR, Out: outW, Err: outW})
		inR.Close()
		outW.Close()
	}()
	h.t.Cleanup(func() { cancel(); inW.Close(); <-done; outR.Close() })
	k := &talk{t: h.t, in: inW, out: bufio.NewReader(outR)}
	_ = outR.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := k.out.ReadString('\n'); err != nil { // the greeting
		h.t.Fatal(err)
	}
	return k
}

func (k *talk) echoes(word string) {
	k.t.Helper()
	if _, err := fmt.Fprintln(k.in, word); err != nil {
		k.t.Fatal(err)
	}
	if got, err := k.out.ReadString('\n'); err != nil || got != word+"\n" {
		k.t.Errorf("echo of %q: %q, %v", word, got, err)
	}
}

func TestTwoRunsSideBySide(t *testing.T) {
	a, b := newHost(t), newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	for _, h := range []*host{b, a, b} { // what b makes is there before a's instance, and after
		h.want(append(testNetwork("vpc-a", 101), i1, e1))
		h.untilInstance("i-1", hoststate.InstanceRunning)
	}
	pid, err := os.ReadFile(a.path("state/instances/i-1/pid"))
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	if err := Teardown(b.run); err != nil {
		t.Fatal(err)
	}
	t.Run("an instance of one keeps nothing of the other", func(t *testing.T) {
		mounts, err := os.ReadFile("/proc/" + strings.Fields(string(pid))[0] + "/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mounts), b.run) {
			t.Errorf("mounts:\n%s", mounts)
		}
	})
	t.Run("and goes on", func(t *testing.T) {
		if got := a.sh("i-1", "hostname"); got != "host-i-1" {
			t.Error(got)
		}
	})
}
