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

// unlike returns how the answer of v to the message differs from that of a view of the
// same records that has answered nothing before.
func unlike(v *View, packet []byte, a Asked) string {
	got, rcode := v.Reply(packet, make([]byte, maxUDP), a)
	want, code := story().View().Reply(packet, nil, a)
	if rcode != code || !bytes.Equal(got, want) {
		return fmt.Sprintf("got %d %x, want %d %x", rcode, got, code, want)
	}
	return ""
}

func TestWhatIsSaidAgainIsWhatWouldBeSaid(t *testing.T) {
	v := story().View()
	messages := map[string][]byte{
		"an address":           query(nil),
		"no address":           query(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeAAAA }),
		"with EDNS":            query(func(q *dns.Msg) { q.SetEdns0(4096, true) }),
		"in other letters":     query(func(q *dns.Msg) { q.Question[0].Name = "eC2.AP-northeast-1.amazonaws.com." }),
		"a name that is not":   query(func(q *dns.Msg) { q.Question[0].Name = "nobody.example.com." }),
		"a name of an address": query(func(q *dns.Msg) { q.Question[0].Name = "ip-10-0-0-5.ap-northeast-1.compute.internal." }),
		"without recursion":    query(func(q *dns.Msg) { q.RecursionDesired = false }),
		"longer than what is kept": query(func(q *dns.Msg) {
			q.SetEdns0(1232, false)
			q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, longestSaid)}}
		}),
	}
	for _, m := range malformed {
		messages[m.name] = m.packet
	}
	for name, packet := range messages {
		t.Run(name, func(t *testing.T) {
			for turn := range uint32(6) { // each of those at least twice
				for _, a := range []Asked{
					{Network: "vpc-a", At: resolver}, {Network: "vpc-b", At: resolver}, {Network: "vpc-a", At: resolver, TCP: true},
					{Network: "vpc-a", At: netip.MustParseAddr("fd00:ec2::253")}, {Network: "vpc-a", At: netip.MustParseAddr("10.0.0.3")},
				} {
					a.Turn = turn
					packet := bytes.Clone(packet)
					if len(packet) >= headerSize {
						binary.BigEndian.PutUint16(packet, uint16(turn*1000+1))
					}
					if how := unlike(v, packet, a); how != "" {
						t.Errorf("%+v: %s", a, how)
					}
				}
			}
		})
	}
}

func TestWhatWasSaidEndsWithAnyChange(t *testing.T) {
	r := story()
	addresses := func() string {
		answer, _ := r.View().Reply(query(nil), nil, Asked{Network: "vpc-b", At: resolver})
		m := new(dns.Msg)
		if err := m.Unpack(answer); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(m.Answer)
	}
	before := addresses()
	if again := addresses(); again != before {
		t.Errorf("got %s, then %s", before, again)
	}
	r.Apply(false, []hoststate.Unit{name("vpc-b - ec2.ap-northeast-1.amazonaws.com 10.0.9.9")}, nil)
	if after := addresses(); after == before {
		t.Errorf("still %s", after)
	}
}

func TestAFloodOfNamesPushesOutNoTruth(t *testing.T) {
	v, a := story().View(), Asked{Network: "vpc-a", At: resolver}
	for i := range 20 * len(places{}.of) {
		packet := query(func(q *dns.Msg) { q.Question[0].Name = fmt.Sprintf("n%d.example.com.", i) })
		v.Reply(packet, nil, a)
		if i%1000 != 0 {
			continue
		}
		for _, packet := range [][]byte{packet, query(nil)} {
			if how := unlike(v, packet, a); how != "" {
				t.Errorf("after %d names: %s", i, how)
			}
		}
	}
}
