// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

// More queries wait than one call takes, and some of them get no answer: each asker
// has its own answer all the same, from where it asked.
func TestQueriesThatWaitTogetherGetAnswersOfTheirOwn(t *testing.T) {
	n := network("vpc-lo")
	n.Resolver = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	s := &Server{Records: story(), Log: slog.New(slog.DiscardHandler)}
	s.Records.Apply(false, []hoststate.Unit{n}, nil)
	conn, l := listenBoth(t)
	l.Close()
	port := conn.LocalAddr().(*net.UDPAddr).Port

	const broken = 3 // every third
	var askers [3 * batchSize]net.Conn
	for i := range askers {
		c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%2)), Port: port}) // hears that address only
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		askers[i] = c
		q := new(dns.Msg).SetQuestion(apex, dns.TypeA)
		q.Id = uint16(i)
		packet, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if i%broken == 0 {
			packet = packet[:headerSize-1]
		}
		if _, err := c.Write(packet); err != nil {
			t.Fatal(err)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Network("vpc-lo").ServeUDP(ctx, conn) }()
	for i, c := range askers {
		if i%broken == 0 {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, maxUDP)
		size, err := c.Read(buf)
		if err != nil {
			t.Fatalf("asker %d: %v", i, err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:size]); err != nil || m.Id != uint16(i) || len(m.Answer) != 1 {
			t.Errorf("asker %d got %v, %v", i, m, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, want := s.Counts()["dropped"], uint64(len(askers)/broken); got != want {
		t.Errorf("%d dropped, want %d", got, want)
	}
}
