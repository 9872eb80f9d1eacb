// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

const apex = "ec2.ap-northeast-1.amazonaws.com."

// query packs a query of apex after change has had its way with it.
func query(change func(*dns.Msg)) []byte {
	q := new(dns.Msg).SetQuestion(apex, dns.TypeA)
	q.Id = 7
	if change != nil {
		change(q)
	}
	b, err := q.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func raw(change func(b []byte) []byte) []byte { return change(query(nil)) }

func put(offset int, v uint16) []byte {
	return raw(func(b []byte) []byte { binary.BigEndian.PutUint16(b[offset:], v); return b })
}

// malformed are the messages that no good client sends, with what they get.
var malformed = []struct {
	name   string
	packet []byte
	want   string
}{
	{"nothing", nil, "no answer"},
	{"less than a header", query(nil)[:11], "no answer"},
	{"an answer", query(func(q *dns.Msg) { q.Response = true }), "no answer"},
	{"a header alone", query(nil)[:12], "FORMERR"},
	{"a name cut off", query(nil)[:20], "FORMERR"},
	{"no type", query(nil)[:len(query(nil))-4], "FORMERR"},
	{"no question", put(4, 0), "FORMERR"},
	{"two questions", query(func(q *dns.Msg) { q.Question = append(q.Question, q.Question[0]) }), "FORMERR"},
	{"65535 questions claimed", put(4, 0xffff), "FORMERR"},
	{"65535 answers claimed", put(6, 0xffff), "FORMERR"},
	{"65535 more records claimed", put(10, 0xffff), "FORMERR"},
	{"one more record claimed and not there", put(10, 1), "NOERROR 1"},
	{"a name that points at itself", raw(func(b []byte) []byte { return append(b[:12], 0xc0, 12, 0, 1, 0, 1) }), "FORMERR"},
	{"a name that points past the end", raw(func(b []byte) []byte { return append(b[:12], 0xff, 0xff, 0, 1, 0, 1) }), "FORMERR"},
	{"a label of a type that is not defined", raw(func(b []byte) []byte { b[12] = 0x80; return b }), "FORMERR"},
	{"an update", query(func(q *dns.Msg) { q.Opcode = dns.OpcodeUpdate }), "NOTIMP"},
	{"a status query without a question", query(func(q *dns.Msg) { q.Opcode, q.Question = dns.OpcodeStatus, nil }), "NOTIMP"},
	{"the chaos class", query(func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassCHAOS }), "REFUSED"},
	{"any class", query(func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassANY }), "REFUSED"},
	{"a question for OPT", query(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeOPT }), "FORMERR"},
	{"a question for MAILB", query(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeMAILB }), "NOTIMP"},
	{"an unknown type", query(func(q *dns.Msg) { q.Question[0].Qtype = 65280 }), "NOERROR 0"},
	{"two OPT records", query(func(q *dns.Msg) { q.SetEdns0(1232, false); q.Extra = append(q.Extra, q.Extra[0]) }), "FORMERR"},
	{"EDNS version 1", query(func(q *dns.Msg) { q.SetEdns0(1232, false); q.IsEdns0().SetVersion(1) }), "BADVERS"},
	{"an answer in the query", query(func(q *dns.Msg) { q.Answer = []dns.RR{soa("x")} }), "FORMERR"},
	{"bytes after the end", raw(func(b []byte) []byte { return append(b, "more"...) }), "NOERROR 1"},
	{"more than a query can need", raw(func(b []byte) []byte { return append(b, make([]byte, maxQuery)...) }), "FORMERR"},
}

func TestMalformed(t *testing.T) {
	v := story().View()
	for _, tt := range malformed {
		t.Run(tt.name, func(t *testing.T) {
			answer, rcode := v.Reply(tt.packet, nil, Asked{Network: "vpc-b", At: resolver})
			if got := summary(t, tt.packet, answer, rcode); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// summary is the rcode of an answer and, after success, how many records it has.
func summary(t *testing.T, packet, answer []byte, rcode int) string {
	t.Helper()
	if answer == nil {
		return "no answer"
	}
	m := new(dns.Msg)
	if err := m.Unpack(answer); err != nil {
		t.Fatalf("answer does not parse: %v", err)
	}
	if m.Id != binary.BigEndian.Uint16(packet) || !m.Response || m.Rcode != rcode {
		t.Errorf("answer %v with rcode %d does not belong to the query", m, rcode)
	}
	s := rcodeName(m.Rcode)
	if m.Rcode == dns.RcodeSuccess {
		s += fmt.Sprintf(" %d", len(m.Answer))
	}
	return s
}

func TestSizes(t *testing.T) {
	r := story()
	big := name("vpc-b - big.example 10.0.0.1")
	for i := range 200 {
		big.Addresses = append(big.Addresses, netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}))
	}
	some := name("vpc-b - some.example 10.0.0.1")
	some.Addresses = big.Addresses[:50]
	r.Apply(false, []hoststate.Unit{big, some}, nil)
	for _, tt := range []struct {
		name, ask string
		edns      uint16
		tcp       bool
		truncated bool
		records   int
	}{
		{"50 addresses do not fit without EDNS", "some.example.", 0, false, true, 0},
		{"an EDNS size below 512 counts as 512", "some.example.", 10, false, true, 0},
		{"50 addresses fit into 1232 bytes", "some.example.", 1232, false, false, 50},
		{"200 do not, whatever size the client takes", "big.example.", 65535, false, true, 0},
		{"by TCP they do", "big.example.", 0, true, false, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := new(dns.Msg).SetQuestion(tt.ask, dns.TypeA)
			if tt.edns > 0 {
				q.SetEdns0(tt.edns, true)
			}
			packet, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := r.View().Reply(packet, nil, Asked{Network: "vpc-b", At: resolver, TCP: tt.tcp})
			m := new(dns.Msg)
			if err := m.Unpack(answer); err != nil {
				t.Fatal(err)
			}
			if m.Truncated != tt.truncated || len(m.Answer) != tt.records {
				t.Errorf("truncated %t with %d records, want %t with %d", m.Truncated, len(m.Answer), tt.truncated, tt.records)
			}
			opt := m.IsEdns0()
			if (opt != nil) != (tt.edns > 0) || opt != nil && (!opt.Do() || opt.UDPSize() != maxUDP) {
				t.Errorf("answer's OPT is %v", opt)
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	for _, tt := range malformed {
		f.Add(tt.packet, false)
	}
	f.Add(query(func(q *dns.Msg) { q.SetEdns0(4096, true) }), true)
	v := story().View()
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		answer, rcode := v.Reply(packet, make([]byte, maxUDP), Asked{Network: "vpc-a", At: resolver, TCP: tcp})
		summary(t, packet, answer, rcode)
		if !tcp && len(answer) > maxUDP {
			t.Errorf("an answer of %d bytes by UDP", len(answer))
		}
		if len(packet) >= headerSize && packet[2]&0x80 == 0 && answer == nil {
			t.Error("a query with a readable header got no answer")
		}
		again, code := v.Reply(packet, nil, Asked{Network: "vpc-a", At: resolver, TCP: tcp})
		if code != rcode || !bytes.Equal(again, answer) {
			t.Errorf("got %d %x, and then %d %x", rcode, answer, code, again)
		}
	})
}
