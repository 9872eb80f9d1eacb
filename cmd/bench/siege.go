// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"time"

	"enishi.dev/enishi/cmd/attack"
	"enishi.dev/enishi/hoststate"
)

// siege is an attacker and who may notice.
type siege struct {
	*bench
	attacker string // instance
	network  string // its VPC
	targets  string // JSON
	victims  []*helper
	helpers  []*helper // all that run
}

var neighbourhoods = []string{"same VPC", "another VPC"}

// siege makes two VPCs with an endpoint, a victim and the one it talks to in each;
// in the first, also an attacker and whom it may connect to.
func (b *bench) siege(ctx context.Context) (*siege, error) {
	s := &siege{bench: b}
	ca, err := b.authority()
	if err != nil {
		return s, err
	}
	for range neighbourhoods {
		at, err := b.newPlace(ctx)
		if err != nil {
			return s, err
		}
		endpoint, name, err := b.streams(ctx, at)
		if err != nil {
			return s, err
		}
		peer, err := s.server(ctx, at)
		if err != nil {
			return s, err
		}
		victim, address, err := b.launch(ctx, at)
		if err != nil {
			return s, err
		}
		h, err := s.start(victim, "victim", peer, "10.0.0.2", endpoint, name, ca)
		if err != nil {
			return s, err
		}
		s.victims = append(s.victims, h)
		if s.attacker == "" {
			if err := s.raise(ctx, at, attack.Targets{Victim: netip.MustParseAddr(address), Endpoint: netip.MustParseAddr(endpoint), Name: name}); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// raise makes the attacker, and whom else it may connect to.
func (s *siege) raise(ctx context.Context, at place, t attack.Targets) (err error) {
	if s.attacker, _, err = s.launch(ctx, at); err != nil {
		return err
	}
	open, err := s.server(ctx, at)
	if err != nil {
		return err
	}
	t.Router, t.Resolver = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	t.Peer, t.Ports = netip.MustParseAddr(open), []uint16{echoPort, sinkPort}
	targets, err := json.Marshal(t)
	s.network, s.targets = at.vpc, string(targets)
	return err
}

func (s *siege) start(instance string, args ...string) (*helper, error) {
	h, err := begin(s.inside(instance, args...))
	if err == nil {
		s.helpers = append(s.helpers, h)
	}
	return h, err
}

// server is an instance that serves.
func (s *siege) server(ctx context.Context, at place) (address string, err error) {
	i, address, err := s.launch(ctx, at)
	if err != nil {
		return "", err
	}
	_, err = s.start(i, "serve")
	return address, err
}

func (s *siege) end() {
	for _, h := range s.helpers {
		h.end()
	}
}

const (
	siegeTime = time.Second            // of each measurement
	lead      = 300 * time.Millisecond // of an attack, until who keeps processors busy is found out
)

// suffer has all victims measure at the same time.
func (s *siege) suffer() ([]suffered, error) {
	for _, v := range s.victims {
		if _, err := fmt.Fprintf(v.in, "%q\n", siegeTime); err != nil {
			return nil, err
		}
	}
	out := make([]suffered, len(s.victims))
	for i, v := range s.victims {
		line, err := v.line()
		if err == nil {
			err = json.Unmarshal([]byte(line), &out[i])
		}
		if err != nil {
			return nil, fmt.Errorf("victim: %w", err)
		}
	}
	return out, nil
}

// under has the victims measure during an attack.
func (s *siege) under(one attack.Attack, o *outcome) ([]suffered, error) {
	a, err := begin(s.inside(s.attacker, "attack", one.Name, (lead + siegeTime + 500*time.Millisecond).String(), "0", s.targets))
	if err != nil {
		return nil, err
	}
	defer a.end()
	time.Sleep(lead)
	out, err := s.suffer()
	if err != nil {
		return nil, err
	}
	for name, kb := range s.resident() {
		o.memory[name] = max(o.memory[name], kb)
	}
	line, err := a.line()
	var r attack.Result
	if err == nil {
		err = json.Unmarshal([]byte(line), &r)
	}
	o.sent += r.Sent
	o.refused += r.Refused
	return out, err
}

// drops asks enishi what was dropped in the attacker's VPC, by reason.
func (s *siege) drops() (map[string]uint64, error) {
	out, err := exec.Command(s.enishi, "--run-dir", s.run, "status", "--output", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	var status struct {
		Agent hoststate.AgentStatus `json:"agent"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	found := map[string]uint64{}
	for _, d := range status.Agent.Drops {
		if d.Network == s.network {
			found[d.Reason] += d.Packets
		}
	}
	return found, nil
}
