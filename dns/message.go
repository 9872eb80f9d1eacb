// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// Sizes of messages.
const (
	headerSize = 12
	idSize     = 2 // of which that is the beginning
	// maxUDP is what passes every path whole (DNS flag day 2020). A longer answer
	// is truncated, so that the client asks again by TCP.
	maxUDP = 1232
	// maxQuery is the longest query that is read: one name and some options.
	maxQuery = 4096
)

// Reply answers one message with one, packed into buf where it fits, or nil. It
// returns the answer's rcode beside it. A message whose header cannot be read,
// and one that is itself an answer, gets none.
func (v *View) Reply(packet, buf []byte, a Asked) (answer []byte, rcode int) {
	if len(packet) < headerSize || packet[2]&0x80 != 0 {
		return nil, 0
	}
	x := v.said.find(packet, a)
	if answer = x.again(packet, buf, a); answer != nil {
		return answer, x.rcode
	}
	q := new(dns.Msg)
	if !bounded(packet) || q.Unpack(packet) != nil {
		q = brokenQuery(packet)
	}
	answer, rcode, turns := v.say(q, buf, a)
	if answer != nil {
		v.said.keep(x, packet, answer, a, rcode, turns)
	}
	return answer, rcode
}

// say answers q with a message, packed into buf where it fits, or nil. Besides its rcode
// it returns by how many turns answers differ.
func (v *View) say(q *dns.Msg, buf []byte, a Asked) (answer []byte, rcode, turns int) {
	m := v.Answer(q, a)
	if m == nil {
		return nil, 0, 0
	}
	rcode = m.Rcode
	m.Truncate(limit(q, a.TCP))
	m.Compress = true
	if m.Truncated && !a.TCP {
		m.Answer, m.Ns = nil, nil // a part of the addresses would be taken for all
	}
	answer, err := m.PackBuffer(buf)
	if err != nil { // a unit's name or address that no message can hold
		m.Answer, m.Ns, m.Rcode = nil, nil, dns.RcodeServerFailure
		if answer, err = m.PackBuffer(buf); err != nil {
			return nil, 0, 0
		}
		rcode = m.Rcode
	}
	return answer, rcode, max(1, len(m.Answer))
}

// limit is how long an answer may be.
func limit(q *dns.Msg, tcp bool) int {
	if tcp {
		return dns.MaxMsgSize
	}
	if opt := q.IsEdns0(); opt != nil {
		return max(dns.MinMsgSize, min(int(opt.UDPSize()), maxUDP))
	}
	return dns.MinMsgSize
}

// bounded returns whether a message has the shape of a query. What claims more is
// not unpacked, as that costs by what it claims.
func bounded(packet []byte) bool {
	count := func(i int) uint16 { return binary.BigEndian.Uint16(packet[i:]) }
	return len(packet) <= maxQuery && count(4) == 1 && count(6) == 0 && count(8) == 0 && count(10) <= 4
}

// brokenQuery is what is known of a message of which only the header is read. It
// has no question, so it is answered with what is wrong with it.
func brokenQuery(packet []byte) *dns.Msg {
	return &dns.Msg{MsgHdr: dns.MsgHdr{
		Id:               binary.BigEndian.Uint16(packet),
		Opcode:           int(packet[2]>>3) & 0xF,
		RecursionDesired: packet[2]&1 != 0,
		CheckingDisabled: packet[3]&0x10 != 0,
	}}
}
