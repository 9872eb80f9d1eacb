// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net/netip"

	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

// Asked is what an answer depends on besides the question and the records.
type Asked struct {
	Network string     // the network that the query came from
	At      netip.Addr // the address that was asked
	TCP     bool
	Turn    uint32 // the answer's first address is the one of this turn
}

// negativeTTL is short, since names of endpoints come and go with their
// interfaces: nobody shall remember for long that there was none.
const negativeTTL = 5

// Answer returns the answer to q, or nil when none is given: to an answer, and
// where no resolver answers. The answer may be longer than its carrier takes; see [Reply].
func (v *View) Answer(q *dns.Msg, a Asked) *dns.Msg {
	n, ok := v.resolver(a.Network, a.At)
	if !ok || q.Response {
		return nil
	}
	m := &dns.Msg{MsgHdr: dns.MsgHdr{
		Id: q.Id, Response: true, Opcode: q.Opcode,
		RecursionDesired: q.RecursionDesired, RecursionAvailable: true, CheckingDisabled: q.CheckingDisabled,
	}}
	if m.Rcode = check(q); m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeFormatError {
		return m
	}
	m.Question = q.Question
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(maxUDP, opt.Do())
	}
	if m.Rcode == dns.RcodeSuccess {
		v.resolve(n, m, a.Turn)
	}
	return m
}

// check returns what is wrong with a query, whatever the records are.
func check(q *dns.Msg) int {
	switch {
	case q.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented
	case len(q.Question) != 1 || len(q.Answer) > 0 || len(q.Ns) > 0 || options(q) > 1:
		return dns.RcodeFormatError
	}
	if opt := q.IsEdns0(); opt != nil && opt.Version() != 0 {
		return dns.RcodeBadVers
	}
	switch t, c := q.Question[0].Qtype, q.Question[0].Qclass; {
	case t == dns.TypeOPT || t == dns.TypeNone || c == 0: // 0 is also a question cut off
		return dns.RcodeFormatError
	case c != dns.ClassINET || t == dns.TypeAXFR || t == dns.TypeIXFR:
		return dns.RcodeRefused
	case t != dns.TypeANY && t >= 128 && t < 256: // RFC 6895: these ask for no data
		return dns.RcodeNotImplemented
	}
	return dns.RcodeSuccess
}

func options(q *dns.Msg) int {
	n := 0
	for _, rr := range q.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			n++
		}
	}
	return n
}

// resolve fills in what the network's name holds of the type asked.
func (v *View) resolve(n *hoststate.Network, m *dns.Msg, turn uint32) {
	q := m.Question[0]
	f := v.lookup(n, canonical(q.Name))
	m.Answer = f.answers(q, turn)
	if len(m.Answer) > 0 {
		return
	}
	m.Ns = []dns.RR{soa(f.zone)}
	if !f.exists {
		m.Rcode = dns.RcodeNameError
	}
}

func (f found) answers(q dns.Question, turn uint32) []dns.RR {
	head := func(ttl uint32) dns.RR_Header {
		return dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: ttl}
	}
	switch {
	case q.Qtype == dns.TypeANY && f.exists: // RFC 8482
		h := head(negativeTTL)
		h.Rrtype = dns.TypeHINFO
		return []dns.RR{&dns.HINFO{Hdr: h, Cpu: "RFC8482"}}
	case q.Qtype == dns.TypeSOA && f.zone != "" && canonical(q.Name) == f.zone:
		return []dns.RR{soa(f.zone)}
	case q.Qtype == dns.TypePTR && f.target != "":
		return []dns.RR{&dns.PTR{Hdr: head(addressTTL), Ptr: f.target}}
	case q.Qtype == dns.TypeA && f.record != nil:
		return rotate(f.record.v4, turn, func(a netip.Addr) dns.RR {
			return &dns.A{Hdr: head(f.record.ttl), A: a.AsSlice()}
		})
	case q.Qtype == dns.TypeAAAA && f.record != nil:
		return rotate(f.record.v6, turn, func(a netip.Addr) dns.RR {
			return &dns.AAAA{Hdr: head(f.record.ttl), AAAA: a.AsSlice()}
		})
	}
	return nil
}

// rotate makes a record of each address, beginning with the one of the turn.
func rotate(addrs []netip.Addr, turn uint32, rr func(netip.Addr) dns.RR) []dns.RR {
	rrs := make([]dns.RR, 0, len(addrs))
	for i := range addrs {
		rrs = append(rrs, rr(addrs[(int(turn%uint32(len(addrs)))+i)%len(addrs)]))
	}
	return rrs
}

// soa says how long the absence of a name may be remembered; Route 53's own words.
func soa(zone string) *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: dns.Fqdn(zone), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: negativeTTL},
		Ns:  "ns-1536.awsdns-00.co.uk.", Mbox: "awsdns-hostmaster.amazon.com.",
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: negativeTTL,
	}
}
