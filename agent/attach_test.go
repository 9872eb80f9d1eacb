// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
)

// attached is the instance and the interface as they are when it has it, as a
// device with the number, beside those that it had.
func attached(i *hoststate.Instance, e *hoststate.Interface, device int) (*hoststate.Instance, *hoststate.Interface) {
	with, of := *i, *e
	with.Interfaces = append(append([]string{}, i.Interfaces...), e.ID)
	of.Instance, of.Device = i.ID, device
	return &with, &of
}

func TestSecondInterface(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	i2, e2 := testInstance("i-2", "vpc-a", 101, 2, "10.0.1.20")
	far, e9 := testInstance("i-9", "vpc-a", 101, 9, "10.0.2.90")
	e9.Subnet = []netip.Prefix{netip.MustParsePrefix("10.0.2.0/24")}
	_, e3 := testInstance("", "vpc-a", 101, 3, "10.0.1.30", "fd00:a::30")
	_, e4 := testInstance("", "vpc-a", 101, 4, "10.0.1.40")
	web := &hoststate.GroupSet{ID: "web", Groups: []uint32{7}, Ingress: []hoststate.Rule{
		{ID: "sgr-web", Protocol: 6, From: 80, To: 80, Prefix: netip.MustParsePrefix("10.0.0.0/16")},
		{ID: "sgr-web6", Protocol: 6, From: 80, To: 80, Prefix: netip.MustParsePrefix("fd00:a::/56")},
	}}
	e3.GroupSet = web.ID
	h.want(append(testNetwork("vpc-a", 101), web, i1, e1, i2, e2, far, e9))
	for _, id := range []string{"i-1", "i-2", "i-9"} {
		h.untilInstance(id, hoststate.InstanceRunning)
	}
	talks := func(from, to, want string) {
		t.Helper()
		if code, out := h.dial(from, to); code != 0 || out != want {
			t.Errorf("%s dials %s: exit code %d: %s, want %s", from, to, code, out, want)
		}
	}
	links := func(id, want string) {
		t.Helper()
		if got := h.sh(id, "ls /sys/class/net | xargs"); got != want {
			t.Errorf("%s has %s, want %s", id, got, want)
		}
	}
	shows := func(id string, want ...string) {
		t.Helper()
		for _, s := range h.status().Instances {
			if s.ID != id {
				continue
			}
			if d := cmp.Diff(addrs(want...), s.Addresses, cmp.Comparer(func(x, y netip.Addr) bool { return x == y })); d != "" {
				t.Errorf("%s -want +got:\n%s", id, d)
			}
		}
	}

	with, on1 := attached(i1, e3, 2)
	t.Run("it comes to an instance that runs, as the device asked for", func(t *testing.T) {
		pid := h.sh("i-1", "readlink /proc/self/ns/net")
		h.want(units(with, on1))
		links("i-1", "eth0 eth2 lo")
		if got := h.sh("i-1", "cat /sys/class/net/eth2/address"); got != "02:00:00:00:01:03" {
			t.Errorf("address %s", got)
		}
		if again := h.sh("i-1", "readlink /proc/self/ns/net"); again != pid {
			t.Errorf("it is in %s, and was in %s", again, pid)
		}
		shows("i-1", "10.0.1.10", "10.0.1.30", "fd00:a::30")
	})
	h.listen("i-1", ":80")
	h.listen("i-1", ":81")
	t.Run("packets go through it both ways, also to other subnets, by its own groups", func(t *testing.T) {
		talks("i-2", "10.0.1.30:80", "host-i-1 at 10.0.1.30:80 for 10.0.1.20")
		talks("i-9", "10.0.1.30:80", "host-i-1 at 10.0.1.30:80 for 10.0.2.90")
		if code, out := h.dial("i-2", "10.0.1.30:81"); code != 2 {
			t.Errorf("past its group: exit code %d: %s", code, out)
		}
		talks("i-2", "10.0.1.10:81", "host-i-1 at 10.0.1.10:81 for 10.0.1.20")
	})
	t.Run("its addresses come and go", func(t *testing.T) {
		more := *on1
		more.Addresses = addrs("10.0.1.30", "fd00:a::30", "10.0.1.31")
		h.want(units(&more))
		talks("i-9", "10.0.1.31:80", "host-i-1 at 10.0.1.31:80 for 10.0.2.90")
		shows("i-1", "10.0.1.10", "10.0.1.30", "fd00:a::30", "10.0.1.31")
		h.want(units(on1))
		if code, out := h.exec("i-1", "grep", "10.0.1.31", "/proc/net/fib_trie"); code != 1 {
			t.Errorf("it is left: %s", out)
		}
		talks("i-9", "10.0.1.30:80", "host-i-1 at 10.0.1.30:80 for 10.0.2.90")
	})
	with2, on2 := attached(i2, e3, 1)
	t.Run("it moves to another instance that runs, in one step", func(t *testing.T) {
		h.listen("i-2", ":80")
		h.want(units(i1, with2, on2))
		links("i-1", "eth0 lo")
		links("i-2", "eth0 eth1 lo")
		talks("i-1", "10.0.1.30:80", "host-i-2 at 10.0.1.30:80 for 10.0.1.10")
		talks("i-9", "10.0.1.30:80", "host-i-2 at 10.0.1.30:80 for 10.0.2.90")
	})
	t.Run("another takes its place, and it another, in one step", func(t *testing.T) {
		both, on4 := attached(i2, e4, 1)
		both, on2 = attached(both, e3, 3)
		h.want(units(both, on4, on2))
		links("i-2", "eth0 eth1 eth3 lo")
		talks("i-9", "10.0.1.40:80", "host-i-2 at 10.0.1.40:80 for 10.0.2.90")
		talks("i-9", "10.0.1.30:80", "host-i-2 at 10.0.1.30:80 for 10.0.2.90")
	})
	t.Run("what was detached without an agent is gone with the next, and its device another's", func(t *testing.T) {
		h.stop()
		on := *on2
		on.Device = 1
		h.mu.Lock()
		delete(h.world, e4.Key())
		h.world[i2.Key()], h.world[e3.Key()] = with2, &on
		h.reported.Position = hoststate.Position{}
		clear(h.reported.Instances)
		h.mu.Unlock()
		h.start()
		h.until("the new agent has taken over", func(r hoststate.Report) bool {
			return r.Position.Revision > 0 && r.Instances["i-2"].State == hoststate.InstanceRunning
		})
		links("i-2", "eth0 eth1 lo")
		talks("i-9", "10.0.1.30:80", "host-i-2 at 10.0.1.30:80 for 10.0.2.90")
	})
	t.Run("detached, nothing is left of it", func(t *testing.T) {
		h.want(units(i2), e3.Key())
		links("i-2", "eth0 lo")
		shows("i-2", "10.0.1.20")
		for _, pattern := range []string{"state/bpf/*/*eni3", "state/bpf/*/*eni4"} {
			if left, _ := filepath.Glob(h.path(pattern)); len(left) != 0 {
				t.Errorf("pins are left: %q", left)
			}
		}
		if _, err := os.Stat("/sbin/ip"); err == nil {
			if got := h.sh("i-2", "ip rule list table 10001"); got != "" {
				t.Errorf("rules are left: %s", got)
			}
		}
		talks("i-9", "10.0.1.20:80", "host-i-2 at 10.0.1.20:80 for 10.0.2.90")
	})
	off := *i2
	off.Running = false
	t.Run("it comes to an instance that is off, and is there when that starts", func(t *testing.T) {
		h.want(units(&off))
		h.untilInstance("i-2", hoststate.InstanceStopped)
		with, on := attached(&off, e3, 1)
		h.want(units(with, on))
		if made, _ := filepath.Glob(h.path("state/bpf/*/*eni3")); len(made) != 0 {
			t.Errorf("what is off has ports: %q", made)
		}
		runs := *with
		runs.Running = true
		h.want(units(&runs))
		h.untilInstance("i-2", hoststate.InstanceRunning)
		links("i-2", "eth0 eth1 lo")
		h.listen("i-2", ":80")
		talks("i-9", "10.0.1.30:80", "host-i-2 at 10.0.1.30:80 for 10.0.2.90")
	})
	t.Run("it goes from an instance that is off, and is not there when that starts", func(t *testing.T) {
		with, _ := attached(&off, e3, 1)
		h.want(units(with))
		h.untilInstance("i-2", hoststate.InstanceStopped)
		h.want(units(&off), e3.Key())
		h.want(units(i2))
		h.untilInstance("i-2", hoststate.InstanceRunning)
		links("i-2", "eth0 lo")
	})
}
