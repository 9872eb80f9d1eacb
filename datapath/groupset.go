// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"enishi.dev/enishi/hoststate"
)

const (
	maxGroups     = len(bpfGroupset{}.Group)
	rulesPerChunk = len(bpfChunk{}.Rule)
	maxRules      = 256 * rulesPerChunk // MAX_CHUNKS
)

// ruleset is a group set in the program's words: ingress rules first, then egress.
type ruleset struct {
	groups [maxGroups]uint32
	rules  []bpfRule
}

func checkGroupSet(g *hoststate.GroupSet) error {
	if len(g.Groups) > maxGroups {
		return fmt.Errorf("%d groups, %d are possible", len(g.Groups), maxGroups)
	}
	if n := len(g.Ingress) + len(g.Egress); n > maxRules {
		return fmt.Errorf("%d rules, %d are possible", n, maxRules)
	}
	for _, r := range slices.Concat(g.Ingress, g.Egress) {
		if r.Prefix.IsValid() == (r.Group != 0) || r.Prefix.Addr().Is4In6() {
			return fmt.Errorf("rule %s names not exactly one prefix or group", r.ID)
		}
	}
	return nil
}

func compileGroupSet(g *hoststate.GroupSet) ruleset {
	var s ruleset
	copy(s.groups[:], g.Groups)
	for _, r := range g.Ingress {
		s.rules = append(s.rules, compileRule(r, bpfRuleFlagRULE_INGRESS, g.Egress))
	}
	for _, r := range g.Egress {
		s.rules = append(s.rules, compileRule(r, bpfRuleFlagRULE_EGRESS, g.Ingress))
	}
	return s
}

// ruleID is the inverse of compileGroupSet: the name of its rule number i.
func ruleID(g *hoststate.GroupSet, i int) string {
	rules := slices.Concat(g.Ingress, g.Egress)
	if i < 0 || i >= len(rules) {
		return ""
	}
	return rules[i].ID
}

func compileRule(r hoststate.Rule, direction bpfRuleFlag, opposite []hoststate.Rule) bpfRule {
	c := bpfRule{
		Group:    r.Group,
		Flags:    uint32(direction),
		Protocol: int32(r.Protocol),
		From:     int32(r.From),
		To:       int32(r.To),
	}
	if r.Prefix.IsValid() {
		c.Group, c.Family = 0, family(r.Prefix.Addr())
		var mask [16]byte
		for b := range r.Prefix.Bits() {
			mask[b/8] |= 0x80 >> (b % 8)
		}
		c.Prefix, c.Mask = wireWords(r.Prefix.Masked().Addr().AsSlice()), wireWords(mask[:])
	}
	if untracked(r, opposite) {
		c.Flags |= uint32(bpfRuleFlagRULE_UNTRACKED)
	}
	return c
}

// untracked: AWS does not track TCP and UDP that one rule lets in from everywhere
// and another lets out to everywhere, whatever the port. Such a flow ends when
// the rule goes; others outlive their rule.
func untracked(r hoststate.Rule, opposite []hoststate.Rule) bool {
	everywhere := func(p netip.Prefix) bool { return p.IsValid() && p.Bits() == 0 }
	if !everywhere(r.Prefix) || (r.Protocol != -1 && r.Protocol != 6 && r.Protocol != 17) {
		return false
	}
	return slices.ContainsFunc(opposite, func(o hoststate.Rule) bool {
		anyPort := o.Protocol == -1 || o.From == -1 || (o.From == 0 && o.To == 65535)
		return everywhere(o.Prefix) && o.Prefix.Addr().BitLen() == r.Prefix.Addr().BitLen() &&
			(o.Protocol == -1 || o.Protocol == r.Protocol) && anyPort
	})
}

// wireWords is b, padded with zeros, as the program reads it from a packet.
func wireWords(b []byte) [2]uint64 {
	var w [16]byte
	copy(w[:], b)
	return [2]uint64{binary.NativeEndian.Uint64(w[:8]), binary.NativeEndian.Uint64(w[8:])}
}

// list names the rules of set: another content has another name.
func (s ruleset) list(set uint64) uint64 {
	h := fnv.New64a()
	binary.Write(h, binary.NativeEndian, set)
	for _, r := range s.rules {
		binary.Write(h, binary.NativeEndian, r)
	}
	return h.Sum64()
}

// namesGroups are the directions in which a rule names a group.
func (s ruleset) namesGroups() uint32 {
	var directions uint32
	for _, r := range s.rules {
		if r.Group != 0 {
			directions |= r.Flags & uint32(bpfRuleFlagRULE_INGRESS|bpfRuleFlagRULE_EGRESS)
		}
	}
	return directions
}

// chunks are the rules as the map holds them.
func (s ruleset) chunks() []bpfChunk {
	var cs []bpfChunk
	for part := range slices.Chunk(s.rules, rulesPerChunk) {
		var c bpfChunk
		copy(c.Rule[:], part)
		cs = append(cs, c)
	}
	return cs
}

// meet is what both sets allow, and no more.
func (s ruleset) meet(o ruleset) ruleset {
	var m ruleset
	n := 0
	for _, g := range s.groups {
		if g != 0 && slices.Contains(o.groups[:], g) {
			m.groups[n] = g
			n++
		}
	}
	for _, r := range o.rules { // the order of the new one: it is what people read
		if slices.Contains(s.rules, r) {
			m.rules = append(m.rules, r)
		}
	}
	return m
}
