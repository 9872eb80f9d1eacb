// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
)

// said is what a view has answered by UDP. Clients ask for the same few names again and
// again, and an answer hangs on nothing but the message, who asks where, whose turn it
// is, and the view, which never changes: it is said again as it is, but for the
// message's id. A message takes the place on which it falls, so that a flood of names
// costs no more memory. The zero value has said nothing.
type said struct {
	all atomic.Pointer[places] // nil: nothing yet; most views of a change of many come and go so
}

type places struct {
	seed maphash.Seed
	of   [1024]atomic.Pointer[saying]
}

// saying is what is answered to one message.
type saying struct {
	network string
	at      netip.Addr
	message string // without its id
	rcode   int
	turns   []atomic.Pointer[[]byte] // nil: it was not this one's yet
}

// What is longer is worked out each time, as is what has more turns.
const (
	longestSaid = 512
	mostTurns   = 8
)

func (p *places) place(packet []byte, a Asked) *atomic.Pointer[saying] {
	h := maphash.Bytes(p.seed, packet[idSize:]) ^ maphash.String(p.seed, a.Network)
	return &p.of[h%uint64(len(p.of))]
}

// find returns what was answered to the message, nil if nothing was.
func (s *said) find(packet []byte, a Asked) *saying {
	p := s.all.Load()
	if p == nil || a.TCP {
		return nil
	}
	x := p.place(packet, a).Load()
	if x == nil || x.network != a.Network || x.at != a.At || x.message != string(packet[idSize:]) {
		return nil
	}
	return x
}

// keep remembers one of the answers to the message, of which there are so many as turns.
// x is what find has returned for it.
func (s *said) keep(x *saying, packet, answer []byte, a Asked, rcode, turns int) {
	if a.TCP || len(packet) > longestSaid || turns > mostTurns {
		return
	}
	if x == nil {
		p := s.all.Load()
		if p == nil {
			s.all.CompareAndSwap(nil, &places{seed: maphash.MakeSeed()})
			p = s.all.Load()
		}
		x = &saying{a.Network, a.At, string(packet[idSize:]), rcode, make([]atomic.Pointer[[]byte], turns)}
		p.place(packet, a).Store(x)
	}
	answer = bytes.Clone(answer)
	x.turn(a).Store(&answer)
}

func (x *saying) turn(a Asked) *atomic.Pointer[[]byte] {
	return &x.turns[a.Turn%uint32(len(x.turns))]
}

// again is the answer to the message, in buf if it fits; nil if it was not said.
func (x *saying) again(packet, buf []byte, a Asked) []byte {
	if x == nil {
		return nil
	}
	answer := x.turn(a).Load()
	if answer == nil {
		return nil
	}
	buf = append(buf[:0], *answer...)
	copy(buf, packet[:idSize])
	return buf
}
