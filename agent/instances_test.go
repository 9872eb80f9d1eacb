// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
)

func TestInstances(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10", "fd00:a::10")
	i2, e2 := testInstance("i-2", "vpc-a", 101, 2, "10.0.1.20", "fd00:a::20")
	i3, e3 := testInstance("i-3", "vpc-b", 102, 3, "10.0.1.20", "fd00:a::20")
	h.want(append(append(testNetwork("vpc-a", 101), testNetwork("vpc-b", 102)...), i1, e1, i2, e2, i3, e3))
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		h.untilInstance(id, hoststate.InstanceRunning)
	}

	t.Run("it looks as on EC2", func(t *testing.T) {
		for _, c := range []struct{ script, want string }{
			{"hostname", "host-i-1"},
			{"cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu", "02:00:00:00:01:01\n9001"},
			{"head -1 /etc/resolv.conf", "nameserver 10.0.0.2"},
			{"ls /sys/class/net", "eth0\nlo"},
			{"ls -A " + h.run, ""},
		} {
			if got := h.sh("i-1", c.script); got != c.want {
				t.Errorf("%s: got %q, want %q", c.script, got, c.want)
			}
		}
		if _, err := os.Stat("/sbin/ip"); err != nil {
			t.Skip("needs iproute2: install the package")
		}
		if got := h.sh("i-1", "ip route"); !strings.HasPrefix(got, "default via 10.0.1.1 dev eth0") {
			t.Errorf("routes: %s", got)
		}
	})
	t.Run("it hands on as much of a stream at once as the kernel takes, for there is no other host", func(t *testing.T) {
		if code, out := h.exec("i-1", self(t), "tool", "burst", "eth0"); code != 0 || out != "524280" {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Run("two of one network ping and talk, over both families", func(t *testing.T) {
		h.listen("i-2", ":80")
		for _, ip := range []string{"10.0.1.20", "fd00:a::20"} {
			if code, out := h.exec("i-1", self(t), "tool", "ping", ip); code != 0 {
				t.Errorf("ping %s: %s", ip, out)
			}
		}
		for addr, want := range map[string]string{
			"10.0.1.20:80":    "host-i-2 at 10.0.1.20:80 for 10.0.1.10",
			"[fd00:a::20]:80": "host-i-2 at [fd00:a::20]:80 for fd00:a::10",
		} {
			if code, out := h.dial("i-1", addr); code != 0 || out != want {
				t.Errorf("dial %s: exit code %d: %s, want %s", addr, code, out, want)
			}
		}
	})
	t.Run("the same address in another network is another", func(t *testing.T) {
		if code, out := h.dial("i-1", "10.0.1.20:81"); code != 1 { // i-2, where nothing listens
			t.Errorf("exit code %d: %s", code, out)
		}
		h.listen("i-3", ":81")
		if code, out := h.dial("i-1", "10.0.1.20:81"); code != 1 {
			t.Errorf("exit code %d: %s", code, out)
		}
		if code, _ := h.exec("i-3", self(t), "tool", "ping", "10.0.1.10"); code != 2 {
			t.Errorf("ping to an address that is only in the other network: exit code %d", code)
		}
	})
	t.Run("what a group does not let in is dropped and counted", func(t *testing.T) {
		h.want(units(&hoststate.GroupSet{ID: "open-vpc-a", Groups: []uint32{101}}))
		if code, _ := h.dial("i-1", "10.0.1.20:80"); code != 2 {
			t.Errorf("exit code %d", code)
		}
		var got []hoststate.Drop
		for _, d := range h.status().Drops {
			if d.Reason == "security group" && d.Packets > 0 {
				got = append(got, hoststate.Drop{Network: d.Network, Reason: d.Reason})
			}
		}
		if d := cmp.Diff([]hoststate.Drop{{Network: "vpc-a", Reason: "security group"}}, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
	t.Run("one that keeps a processor busy gives way to the others", func(t *testing.T) {
		groups, err := GroupsLeft(h.run)
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) == 0 {
			t.Skip("no control groups can be made here")
		}
		idle := func(id string) string {
			b, err := os.ReadFile(filepath.Join(groups[0], id, "cpu.idle"))
			if err != nil {
				t.Error(err)
			}
			return strings.TrimSpace(string(b))
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.exec("i-1", "sh", "-c", "for n in 1 2; do timeout 30 sh -c 'while :; do :; done' & done; wait")
		}()
		for begun := time.Now(); idle("i-1") != "1"; time.Sleep(20 * time.Millisecond) {
			if time.Since(begun) > 30*time.Second {
				t.Error("it does not give way")
				break
			}
		}
		if got := idle("i-2"); got != "0" {
			t.Errorf("the other: cpu.idle is %s", got)
		}
		// It may have been busy with starting, and given way before they began.
		h.sh("i-1", "n=0; until [ $(pidof timeout | wc -w) = 2 ] || [ $n = 500 ]; do n=$((n+1)); sleep 0.01; done; kill $(pidof timeout)")
		<-ended
	})
	t.Run("the status lists them", func(t *testing.T) {
		s := h.status()
		want := []hoststate.InstanceStatus{
			{ID: "i-1", State: hoststate.InstanceRunning, Addresses: e1.Addresses},
			{ID: "i-2", State: hoststate.InstanceRunning, Addresses: e2.Addresses},
			{ID: "i-3", State: hoststate.InstanceRunning, Addresses: e3.Addresses},
		}
		if d := cmp.Diff(want, s.Instances, cmp.Comparer(func(a, b hoststate.InstanceStatus) bool {
			return a.ID == b.ID && a.State == b.State && len(a.Addresses) == len(b.Addresses)
		})); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		if s.Networks != 2 || s.Host != hostName || len(s.Refused) != 0 {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestInstanceLife(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	i2, e2 := testInstance("i-2", "vpc-a", 101, 2, "10.0.1.20")
	h.want(append(testNetwork("vpc-a", 101), i1))
	t.Run("it does not start before its interface is known", func(t *testing.T) {
		if s := h.status(); len(s.Instances) != 0 {
			t.Errorf("%+v", s.Instances)
		}
		h.want(units(e1, i2, e2))
		h.untilInstance("i-1", hoststate.InstanceRunning)
		h.untilInstance("i-2", hoststate.InstanceRunning)
	})
	t.Run("stopped, it is gone, and starts again with the same interface", func(t *testing.T) {
		off := *i1
		off.Running = false
		h.want(units(&off))
		h.untilInstance("i-1", hoststate.InstanceStopped)
		if _, err := os.Stat(h.path("state/ns/i-1")); err == nil {
			t.Error("its namespace is left")
		}
		if left, _ := filepath.Glob(h.path("state/bpf/*/*eni1")); len(left) != 0 {
			t.Errorf("pins are left: %q", left)
		}
		h.want(units(i1)) // the old links may still be going
		h.untilInstance("i-1", hoststate.InstanceRunning)
		h.listen("i-2", ":80")
		if code, out := h.dial("i-1", "10.0.1.20:80"); code != 0 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Run("for another boot its processes begin anew, and its interface stays", func(t *testing.T) {
		processes := func() string {
			b, _ := os.ReadFile(h.path("state/instances/i-1/pid"))
			return string(b)
		}
		first, link := processes(), h.sh("i-1", "cat /sys/class/net/eth0/ifindex")
		again := *i1
		again.Boots = 1
		h.want(units(&again))
		h.until("it is said of that boot", func(r hoststate.Report) bool {
			return r.Instances["i-1"] == hoststate.InstanceReport{State: hoststate.InstanceRunning, Boots: 1}
		})
		second := processes()
		if second == first || second == "" {
			t.Errorf("its processes were %q and are %q", first, second)
		}
		if now := h.sh("i-1", "cat /sys/class/net/eth0/ifindex"); now != link {
			t.Errorf("its interface is link %s, and was %s", now, link)
		}
		h.stop()
		i1.Boots = 2
		h.mu.Lock()
		h.world[i1.Key()] = i1 // what is wanted changes while no agent is there
		h.mu.Unlock()
		h.start()
		eventually(t, "the next agent begins it anew", func() bool {
			now := processes()
			return now != second && strings.Count(now, " ") == 1
		})
		h.until("it is said of that boot", func(r hoststate.Report) bool { return r.Instances["i-1"].Boots == 2 })
		eventually(t, "it can be entered", func() bool { return len(h.status().Instances) == 2 })
		if got := h.sh("i-1", "hostname"); got != "host-i-1" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("one that ends by itself has failed, and stays so", func(t *testing.T) {
		b, err := os.ReadFile(h.path("state/instances/i-1/pid"))
		if err != nil {
			t.Fatal(err)
		}
		kill(t, strings.Fields(string(b))[0])
		h.until("it has failed in that boot", func(r hoststate.Report) bool {
			return r.Instances["i-1"] == hoststate.InstanceReport{State: hoststate.InstanceFailed, Reason: "its first process ended", Boots: 2}
		})
		h.want(units(e1))
		if s := h.status(); s.Instances[0].State != hoststate.InstanceFailed {
			t.Errorf("%+v", s.Instances)
		}
	})
	t.Run("an interface can move to another instance in one step", func(t *testing.T) {
		i4, e4 := testInstance("i-4", "vpc-a", 101, 2, "10.0.1.20")
		h.want(units(i4, e4), i2.Key())
		h.untilInstance("i-4", hoststate.InstanceRunning)
		if got := h.sh("i-4", "cat /sys/class/net/eth0/address"); got != "02:00:00:00:01:02" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("stopped, it is so of its last boot", func(t *testing.T) {
		off := *i1
		off.Running, off.Boots = false, 3 // which was over before it began here
		h.want(units(&off))
		h.until("it is said of that boot", func(r hoststate.Report) bool {
			return r.Instances["i-1"] == hoststate.InstanceReport{State: hoststate.InstanceStopped, Boots: 3}
		})
	})
	t.Run("terminated, nothing is left of it", func(t *testing.T) {
		h.want(nil, i1.Key(), e1.Key())
		for _, p := range []string{"state/ns/i-1", "state/instances/i-1", "state/ns/i-2", "state/instances/i-2"} {
			if _, err := os.Stat(h.path(p)); err == nil {
				t.Errorf("%s is left", p)
			}
		}
	})
}

func TestAScriptRunsWhenItsInstanceBeginsAndIsHeard(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	i1.Script = []byte("#!/bin/sh\nhostname\nid -u\n")
	h.want(append(testNetwork("vpc-a", 101), i1, e1))
	h.until("its console is told", func(hoststate.Report) bool { return h.consoles["i-1"] == "host-i-1\n65534\n" })
	t.Run("it does not run again when it is no more wanted, and another agent tells of it", func(t *testing.T) {
		without := *i1
		without.Script = nil
		h.want(units(&without))
		h.stop()
		h.mu.Lock()
		delete(h.consoles, "i-1")
		h.mu.Unlock()
		h.start()
		h.until("its console is told again", func(hoststate.Report) bool { return h.consoles["i-1"] == "host-i-1\n65534\n" })
	})
}

func TestRefusals(t *testing.T) {
	h := newHost(t)
	if err := os.Remove(h.path("ca.pem")); err != nil {
		t.Fatal(err)
	}
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	bad := &hoststate.Network{ID: "vpc-bad", VNI: 1 << 24}
	i9, e9 := testInstance("i-9", "vpc-a", 101, 9, "10.0.1.90")
	i9.Host, e9.Host = "another", "another"
	h.want(append(testNetwork("vpc-a", 101), i1, e1, bad, i9, e9))
	h.until("both are refused", func(r hoststate.Report) bool { return len(r.Refused) == 2 })
	t.Run("a unit that cannot be is refused with the reason, the others hold", func(t *testing.T) {
		r := h.status().Refused
		if !strings.Contains(r["network/vpc-bad"], "16777216") || !strings.Contains(r["instance/i-1"], "ca.pem") {
			t.Errorf("refused: %q", r)
		}
	})
	t.Run("it is tried again by itself", func(t *testing.T) {
		h.writeCA()
		h.untilInstance("i-1", hoststate.InstanceRunning)
		h.until("one is refused", func(r hoststate.Report) bool { return len(r.Refused) == 1 })
	})
	t.Run("a refused unit that goes takes its refusal with it", func(t *testing.T) {
		h.want(nil, bad.Key())
		h.until("none is refused", func(r hoststate.Report) bool { return len(r.Refused) == 0 })
	})
	t.Run("instances of other hosts are not ours", func(t *testing.T) {
		if s := h.status(); len(s.Instances) != 1 {
			t.Errorf("%+v", s.Instances)
		}
	})
}
