// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

// serve starts a server for a network whose resolver is on loopback, and returns
// it with the port at which it answers.
func serve(t testing.TB) (*Server, uint16) {
	t.Helper()
	n := network("vpc-lo")
	n.Resolver = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")}
	r := story()
	r.Apply(false, []hoststate.Unit{n}, nil)
	s := &Server{Records: r, Log: slog.New(slog.DiscardHandler)}
	net1 := s.Network("vpc-lo")

	conn, l := listenBoth(t)
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- net1.ServeUDP(ctx, conn) }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				done <- nil
				return
			}
			net1.ServeTCP(ctx, c)
		}
	}()
	t.Cleanup(func() {
		cancel()
		l.Close()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return s, port
}

// listenBoth opens a UDP and a TCP socket with the same number.
func listenBoth(t testing.TB) (*net.UDPConn, net.Listener) {
	t.Helper()
	for range 20 {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: conn.LocalAddr().(*net.UDPAddr).Port})
		if err == nil {
			return conn, l
		}
		conn.Close() // another has that number for TCP
	}
	t.Fatal("no number is free for both")
	return nil, nil
}

func TestServe(t *testing.T) {
	s, port := serve(t)
	q := new(dns.Msg).SetQuestion(apex, dns.TypeA)
	for _, proto := range []string{"udp", "tcp"} {
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			t.Run(proto+" to "+host+" is answered from there", func(t *testing.T) {
				c := dns.Client{Net: proto, Timeout: 5 * time.Second} // its socket is connected: hears that address only
				m, _, err := c.Exchange(q, net.JoinHostPort(host, fmt.Sprint(port)))
				if err != nil {
					t.Fatal(err)
				}
				if want := "NOERROR " + apex + " 60 IN A 198.18.0.1"; text(m) != want {
					t.Errorf("got %s, want %s", text(m), want)
				}
			})
		}
	}
	if diff := cmp.Diff(map[string]uint64{"NOERROR": 6}, s.Counts()); diff != "" {
		t.Errorf("counts: -want +got\n%s", diff)
	}
}

func TestServeTCP(t *testing.T) {
	_, port := serve(t)
	dial := func(t *testing.T) net.Conn {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(10 * time.Second))
		return c
	}
	framed := func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	t.Run("queries sent at once are answered in their order", func(t *testing.T) {
		c := dial(t)
		var all []byte
		for id := range 50 {
			all = append(all, framed(query(func(q *dns.Msg) { q.Id = uint16(id) }))...)
		}
		if _, err := c.Write(all); err != nil {
			t.Fatal(err)
		}
		for id := range 50 {
			b, err := readFrame(c, nil)
			if err != nil || binary.BigEndian.Uint16(b) != uint16(id) {
				t.Fatalf("answer %d: %x, %v", id, b, err)
			}
		}
	})
	for _, tt := range []struct {
		name string
		send []byte
	}{
		{"a message that is no query ends the connection", framed([]byte("short"))},
		{"so does one that is too long", []byte{0xff, 0xff, 1, 2, 3}},
		{"and an empty one", []byte{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t)
			if _, err := c.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, c); n > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("%d bytes, %v; want the end", n, err)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	var l limiter
	a, b, now := netip.MustParseAddr("10.0.0.10"), netip.MustParseAddr("10.0.0.11"), time.Unix(1000, 0)
	count := func(source netip.Addr, now time.Time) (allowed int) {
		for range 2 * perSecond {
			if l.allow(source, now) {
				allowed++
			}
		}
		return allowed
	}
	for _, tt := range []struct {
		name   string
		source netip.Addr
		at     time.Duration
		want   int
	}{
		{"1,024 packets of a source pass in a second", a, 0, 1024},
		{"no more later in that second", a, 999 * time.Millisecond, 0},
		{"another source has its own", b, 999 * time.Millisecond, 1024},
		{"the next second begins anew", a, time.Second, 1024},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := count(tt.source, now.Add(tt.at)); got != tt.want {
				t.Errorf("%d passed, want %d", got, tt.want)
			}
		})
	}
	t.Run("sources beyond the table share one count", func(t *testing.T) {
		var l limiter
		passed := 0
		for i := range maxSources + 3*perSecond {
			if l.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) {
				passed++
			}
		}
		if want := maxSources + perSecond; passed != want {
			t.Errorf("%d passed, want %d", passed, want)
		}
	})
}

func TestLimitedQueriesAreCounted(t *testing.T) {
	s := &Server{Records: story(), Log: slog.New(slog.DiscardHandler)}
	n := s.Network("vpc-b")
	for range 100 * perSecond { // far more than one second takes
		if n.reply(query(nil), nil, resolver, resolver, false) == nil {
			break
		}
	}
	if got := s.Counts()["limited"]; got != 1 {
		t.Errorf("%d limited, want 1", got)
	}
}
