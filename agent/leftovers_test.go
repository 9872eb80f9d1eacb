// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"enishi.dev/enishi/hoststate"
)

// restart has another agent follow from the beginning, after change has made another
// world of it while there was none.
func (h *host) restart(change func()) {
	h.t.Helper()
	h.stop()
	h.mu.Lock()
	change()
	h.revision++
	at := h.position()
	h.reported.Position = hoststate.Position{}
	clear(h.reported.Instances)
	h.mu.Unlock()
	h.start()
	h.until("the next agent holds the world", func(r hoststate.Report) bool { return r.Position == at })
}

// alive says whether the instance's first process, which pid tells, goes on.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + strings.Fields(pid)[0] + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// wantNothingLeft looks for what an instance is made of: its processes, of which pid
// tells, and what it has of the machine with its port's number.
func (h *host) wantNothingLeft(id, pid, port string) {
	h.t.Helper()
	if alive(pid) {
		h.t.Errorf("%s: its processes go on", id)
	}
	for _, p := range []string{"state/ns/" + id, "state/instances/" + id} {
		if _, err := os.Lstat(h.path(p)); err == nil {
			h.t.Errorf("%s is left", p)
		}
	}
	if left, _ := filepath.Glob(h.path("state/bpf/*/*" + port)); len(left) != 0 {
		h.t.Errorf("%s: pins are left: %q", id, left)
	}
}

func TestAnotherAgentEndsWhatIsToRunNoMore(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	i2, e2 := testInstance("i-2", "vpc-a", 101, 2, "10.0.1.20")
	i3, e3 := testInstance("i-3", "vpc-a", 101, 3, "10.0.1.30")
	i4, e4 := testInstance("i-4", "vpc-a", 101, 4, "10.0.1.40")
	h.want(append(testNetwork("vpc-a", 101), i1, e1, i2, e2, i3, e3, i4, e4))
	pids := map[string]string{}
	for _, id := range []string{"i-1", "i-2", "i-3", "i-4"} {
		h.untilInstance(id, hoststate.InstanceRunning)
		b, err := os.ReadFile(h.path("state/instances/" + id + "/pid"))
		if err != nil {
			t.Fatal(err)
		}
		pids[id] = string(b)
	}
	off, more2, more3 := *i1, *i2, *i3
	off.Running = false
	more2.Interfaces, more3.Interfaces = []string{"eni-2", "eni-8"}, []string{"eni-3", "eni-9"}
	h.restart(func() {
		for _, i := range []*hoststate.Instance{&off, &more2, &more3} {
			h.world[i.Key()] = i
		}
	})

	t.Run("what was stopped while there was none", func(t *testing.T) {
		h.untilInstance("i-1", hoststate.InstanceStopped)
		h.wantNothingLeft("i-1", pids["i-1"], "eni1")
	})
	t.Run("and is stopped while it waits for the rest of its interfaces", func(t *testing.T) {
		if !alive(pids["i-2"]) {
			t.Error("it has not waited")
		}
		more2.Running = false
		h.want(units(&more2))
		h.untilInstance("i-2", hoststate.InstanceStopped)
		h.wantNothingLeft("i-2", pids["i-2"], "eni2")
	})
	t.Run("and goes while it waits", func(t *testing.T) {
		h.want(nil, i3.Key(), e3.Key())
		h.wantNothingLeft("i-3", pids["i-3"], "eni3")
	})
	t.Run("what is to run goes on", func(t *testing.T) {
		if !alive(pids["i-4"]) {
			t.Error("it has ended")
		}
		if got := h.sh("i-4", "hostname"); got != "host-i-4" {
			t.Error(got)
		}
	})
	t.Run("what was stopped starts again with the same interface", func(t *testing.T) {
		h.want(units(i1))
		h.untilInstance("i-1", hoststate.InstanceRunning)
		h.listen("i-1", ":80")
		if code, out := h.dial("i-4", "10.0.1.10:80"); code != 0 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
}
