// SPDX-License-Identifier: Apache-2.0

// Package attack is what a hostile instance might send: each attack for a bounded
// time and, if asked, a bounded number of times. It runs inside an instance, for
// measurements and tests; it knows nothing of enishi.
package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Targets is whom an attack is for.
type Targets struct {
	Router   netip.Addr `json:"router"`
	Resolver netip.Addr `json:"resolver"`
	Peer     netip.Addr `json:"peer"`     // an instance that lets the attacker's TCP in, on Ports
	Ports    []uint16   `json:"ports"`    // TCP, where the peer listens
	Victim   netip.Addr `json:"victim"`   // an instance in whose name packets are forged
	Endpoint netip.Addr `json:"endpoint"` // an endpoint's, on 443
	Name     string     `json:"name"`     // by which the endpoint's certificate goes
}

// Attack is one way of being hostile.
type Attack struct {
	Name   string
	Reason string // under which the data plane counts every packet of it; "": not every one is to be dropped
	Cores  int    // how many processors it can keep busy
	Burns  bool   // it only does that, or nothing at all, and sends nothing
	run    func(*attacker) error
}

// All lists the attacks. Those that use up what an interface may open come last.
func All() []Attack {
	return []Attack{
		{"nothing", "", 0, true, nothing},
		{"burn-1", "", 1, true, burn(1)},
		{"burn-2", "", 2, true, burn(2)},
		{"spoofed-mac", "spoofed source", 1, false, flood(spoofedMAC)},
		{"spoofed-address", "spoofed source", 1, false, flood(spoofedAddress)},
		{"arp", "", 1, false, flood(poison)},
		{"vxlan", "", 1, false, flood(vxlan)},
		{"fragments", "fragment", 1, false, flood(fragments)},
		{"too-big", "too big", 1, false, flood(tooBig)},
		{"connections", "", 2, false, connections},
		{"dns", "", 1, false, dnsFlood},
		{"dns-tcp", "", 2, false, dnsStream},
		{"metadata", "", 2, false, metadata},
		{"handshakes", "", 2, false, handshakes},
		{"requests", "", 2, false, requests},
		{"slow", "", 1, false, slow},
		{"smuggled", "", 2, false, smuggled},
		{"oversized", "", 2, false, oversized},
		{"syn-endpoint", "", 1, false, synFlood(func(t Targets) netip.Addr { return t.Endpoint }, 443)},
		{"syn-instance", "", 1, false, synFlood(func(t Targets) netip.Addr { return t.Peer }, 0)},
	}
}

// Result is what an attack says at its end.
type Result struct {
	Sent    int64 `json:"sent"`    // packets, queries, requests or connections
	Refused int64 `json:"refused"` // of those, how many the attacker knows that failed
}

// attacker is one attack that runs.
type attacker struct {
	Targets
	until         time.Time
	limit         int64 // 0: none
	sent, refused atomic.Int64
	begin         sync.Once
}

// more says whether to go on.
func (a *attacker) more() bool {
	return (a.limit == 0 || a.sent.Load() < a.limit) && time.Now().Before(a.until)
}

// begun tells who waits that the attack is under way.
func (a *attacker) begun() { a.begin.Do(func() { fmt.Println("begun") }) }

// Main is `attack NAME DURATION COUNT TARGETS`; COUNT 0 is no limit. It says
// "begun", and at the end a Result, a line each.
func Main(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: attack NAME DURATION COUNT TARGETS")
	}
	d, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	a := &attacker{}
	if _, err := fmt.Sscan(args[2], &a.limit); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(args[3]), &a.Targets); err != nil {
		return err
	}
	for _, one := range All() {
		if one.Name != args[0] {
			continue
		}
		a.until = time.Now().Add(min(d, 30*time.Second))
		if err := one.run(a); err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		a.begun()
		return json.NewEncoder(os.Stdout).Encode(Result{a.sent.Load(), a.refused.Load()})
	}
	return fmt.Errorf("no attack %q", args[0])
}

// nothing lets the time of an attack go by.
func nothing(a *attacker) error {
	a.begun()
	time.Sleep(time.Until(a.until))
	return nil
}

// burn sends nothing: what an attack costs the others by its use of processors alone.
func burn(cores int) func(*attacker) error {
	return func(a *attacker) error {
		a.begun()
		a.crowd(cores, func() bool { return true })
		return nil
	}
}

// crowd lets n go on side by side with what do does, until the attack ends or do
// returns false.
func (a *attacker) crowd(n int, do func() bool) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for a.more() && do() {
			}
		})
	}
	all.Wait()
}

// count writes down one try.
func (a *attacker) count(err error) {
	a.sent.Add(1)
	if err != nil {
		a.refused.Add(1)
	}
}
