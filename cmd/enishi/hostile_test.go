// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"enishi.dev/enishi/cmd/attack"
	"enishi.dev/enishi/cmd/parts"
)

// attackTime is how long each attack lasts.
const attackTime = 500 * time.Millisecond

// siege is an instance that attacks, and who is to notice nothing.
type siege struct {
	*testscript.TestScript
	run     string
	ids     map[string]string // what the script has made, by its name there
	targets string            // JSON
}

// underAttack has the attacker that the file names attack in every way, one after
// the other, while the victim uses a name, an endpoint and another instance.
func underAttack(ts *testscript.TestScript, _ bool, args []string) {
	s := siege{TestScript: ts, run: ts.Getenv("ENISHI_RUN_DIR"), ids: map[string]string{}}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.ids[name] = value
	}
	addr := netip.MustParseAddr
	targets, err := json.Marshal(attack.Targets{
		Router: addr("10.0.1.1"), Resolver: addr("10.0.0.2"), Peer: addr("10.0.1.30"), Ports: []uint16{7000}, Victim: addr("10.0.1.20"),
		Endpoint: addr(s.ids["endpoint"]), Name: "ec2.ap-northeast-1.amazonaws.com",
	})
	ts.Check(err)
	s.targets = string(targets)
	s.victimGoesOn("before")
	parts := s.parts()
	for _, one := range attack.All() {
		if one.Burns {
			continue
		}
		before, lost := s.drops(), s.lost()
		r := s.attack(one)
		s.counted(one, r.Sent-(s.lost()-lost), before)
		for name, pid := range s.parts() {
			if pid != parts[name] {
				ts.Fatalf("%s: %s died", one.Name, name)
			}
			s.bounded(one.Name, name, pid)
		}
	}
	s.victimGoesOn("after")
}

func (s siege) command(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{"--run-dir", s.run}, args...)...)
	cmd.Env = append(os.Environ(), sealedEnv+"=1")
	cmd.Stderr = s.Stderr()
	return cmd
}

// attack attacks, and asks the victim meanwhile.
func (s siege) attack(one attack.Attack) (r attack.Result) {
	self, err := os.Executable()
	s.Check(err)
	cmd := s.command("exec", s.ids["attacker"], "--", self, "attack", one.Name, attackTime.String(), "0", s.targets)
	out, err := cmd.StdoutPipe()
	s.Check(err)
	s.Check(cmd.Start())
	said := bufio.NewScanner(out)
	said.Scan() // begun
	s.victimGoesOn(one.Name)
	said.Scan()
	last := said.Text()
	if err := cmd.Wait(); err != nil {
		s.Fatalf("attack %s: %v", one.Name, err)
	}
	s.Check(json.Unmarshal([]byte(last), &r))
	s.Logf("%s: %+v", one.Name, r)
	return r
}

// victimGoesOn has the victim ask for a name, at an endpoint and at another instance.
func (s siege) victimGoesOn(when string) {
	cmd := s.command("exec", s.ids["victim"], "--", "curl", "-sS", "-m", "10", "--fail-early", "-o", "/dev/null", "-o", "/dev/null",
		"https://ec2.ap-northeast-1.amazonaws.com/", "http://10.0.1.30:7000/")
	if out, err := cmd.Output(); err != nil {
		s.Fatalf("%s: the victim gets no answer: %v, %s", when, err, out)
	}
}

func (s siege) drops() map[string]uint64 {
	out, err := s.command("status", "--output", "json").Output()
	s.Check(err)
	var all status
	s.Check(json.Unmarshal(out, &all))
	found := map[string]uint64{}
	for _, d := range all.Agent.Drops {
		if d.Network == s.ids["vpc"] {
			found[d.Reason] = d.Packets
		}
	}
	return found
}

// counted looks whether what had to be dropped was counted under its reason.
func (s siege) counted(one attack.Attack, sent int64, before map[string]uint64) {
	reason, least := one.Reason, sent
	switch one.Name {
	case "dns": // what is beyond the allowance of the seconds that it may touch
		reason, least = "link-local allowance", sent-1024*(int64(attackTime/time.Second)+2)
	case "syn-endpoint", "syn-instance":
		reason, least = "too many flows", 1
		if sent < 1<<17 {
			return // a slow machine: the quota was not reached
		}
	}
	if reason == "" {
		return
	}
	if n := s.drops()[reason] - before[reason]; int64(n) < least {
		s.Fatalf("%s: of %d packets %d were counted as %s, want %d", one.Name, sent, n, reason, least)
	}
}

// lost is how many packets the kernel has let go before anybody saw them, since a
// processor had too many at once; it tells in the second column of each one's line.
func (s siege) lost() (n int64) {
	text, err := os.ReadFile("/proc/net/softnet_stat")
	s.Check(err)
	for line := range strings.Lines(string(text)) {
		one, err := strconv.ParseInt(strings.Fields(line)[1], 16, 64)
		s.Check(err)
		n += one
	}
	return n
}

// parts are the pids of what runs.
func (s siege) parts() map[string]int {
	found := map[string]int{}
	for pid, argv := range partsOf(s.run) {
		if name := parts.Name(argv); slices.Contains([]string{"agent", "control", "gateway", "services"}, name) {
			found[name] = pid
		}
	}
	if len(found) != 4 {
		s.Fatalf("these parts run: %v", found)
	}
	return found
}

// bounded looks at a part's memory.
func (s siege) bounded(when, name string, pid int) {
	most := 256 << 10 // KiB
	if raceDetector {
		most *= 4 // which remembers who has used what
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	s.Check(err)
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(line, &kb); err != nil || kb > most {
		s.Fatalf("%s: %s had %d KiB, %v", when, name, kb, err)
	}
}
