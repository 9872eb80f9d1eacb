// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// Two instances and a service namespace, with real sockets, in namespaces of the
// test's own: whatever is not attached to the program leads nowhere.
func TestLive(t *testing.T) {
	b := newBench(t)
	i1 := b.instance(1, "eni-1", mac(1), "10.0.1.10", "fd00:a::10")
	i2 := b.instance(2, "eni-2", mac(2), "10.0.1.20", "fd00:a::20")
	service, tcp, sockets := b.service(vniA)
	if _, err := b.ApplyFull(world()); err != nil {
		t.Fatal(err)
	}

	t.Run("instances talk where the groups let them, over both families", func(t *testing.T) {
		for _, addr := range []string{"10.0.1.20", "fd00:a::20"} {
			l := i2.listen(t, addr, 80)
			i1.talk(t, l, netip.MustParseAddr(addr), 80)
		}
		l := i1.listen(t, "10.0.1.10", 7000)
		i2.talk(t, l, netip.MustParseAddr("10.0.1.10"), 7000) // group 2 may
	})
	t.Run("a stream may be in packets longer than a length can say", func(t *testing.T) {
		b.must(i1.setBurst(8 * 65535))
		long := i2.catch(t, 65536+14)
		c, other := i1.standing(t, i2.listen(t, "10.0.1.20", 80), "10.0.1.20", 80)
		sent, got := sha256.New(), sha256.New()
		other.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			defer c.Close()
			io.Copy(io.MultiWriter(sent, c), io.LimitReader(rand.NewChaCha8([32]byte{}), 64<<20))
		}()
		if n, err := io.Copy(got, other); n != 64<<20 || err != nil || !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
			t.Errorf("%d bytes came, %v, as sent: %t", n, err, bytes.Equal(got.Sum(nil), sent.Sum(nil)))
		}
		if _, _, err := unix.Recvfrom(long, make([]byte, 1), unix.MSG_DONTWAIT); err != nil {
			t.Errorf("no frame was so long: %v", err)
		}
	})
	t.Run("and not where they do not", func(t *testing.T) {
		i2.listen(t, "10.0.1.20", 8080)
		if err := i1.dial("10.0.1.20", 8080); !os.IsTimeout(err) {
			t.Errorf("got %v, want a time-out", err)
		}
	})
	t.Run("a service sees who called and what was called", func(t *testing.T) {
		for client, addr := range map[string]string{"10.0.1.10": "10.0.1.50", "fd00:a::10": "fd00:a::50"} {
			go i1.dial(addr, 443)
			c, err := accept(tcp)
			if err != nil {
				t.Fatal(err)
			}
			local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
			if want := netip.AddrPortFrom(netip.MustParseAddr(addr), 443); netip.AddrPortFrom(local.Addr().Unmap(), local.Port()) != want {
				t.Errorf("called %v, want %v", local, want)
			}
			if remote.Addr().Unmap().String() != client {
				t.Errorf("caller %v, want %s", remote, client)
			}
			c.Close()
		}
	})
	t.Run("a port that is not served is refused at once", func(t *testing.T) {
		for _, addr := range []string{"10.0.1.50", "10.0.0.2"} {
			if err := i1.dial(addr, 444); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("%s: got %v, want a refusal", addr, err)
			}
		}
	})
	t.Run("a packet too big for a service brings its MTU back", func(t *testing.T) {
		i1.do(func() {
			for _, addr := range []string{"10.0.0.2", "fd00:ec2::253"} {
				if got, err := pathMTU(addr); err != nil || got != EndpointMTU {
					t.Errorf("path MTU to %s: got %d, %v, want %d", addr, got, err, EndpointMTU)
				}
			}
		})
	})
	t.Run("frames that end in their headers are counted", func(t *testing.T) {
		whole := to(frame{mac: mac(1), src: netip.MustParseAddr("10.0.1.10")}, "10.0.1.20", 80).bytes()
		whole6 := to(frame{mac: mac(1), src: netip.MustParseAddr("fd00:a::10")}, "fd00:a::20", 80).bytes()
		i1.do(func() {
			for n := 14; n < 54; n++ {
				b.must(sendFrame(whole[:n]))
			}
			for n := 14; n < 74; n++ {
				b.must(sendFrame(whole6[:n]))
			}
		})
		want := hoststate.Drop{Network: "vpc-a", Reason: "malformed", Packets: 40 + 60}
		if drops, err := b.Drops(); err != nil || !slices.Contains(drops, want) {
			t.Errorf("got %v, %v, want %v among them", drops, err, want)
		}
	})
	t.Run("the service namespace opens nothing", func(t *testing.T) {
		var err error
		service.do(func() {
			d := net.Dialer{Timeout: 200 * time.Millisecond}
			_, err = d.Dial("tcp", "10.0.1.20:80")
		})
		if err == nil {
			t.Error("it connected")
		}
	})
	t.Run("connections outlive the agent", func(t *testing.T) {
		c, other := i1.standing(t, i2.listen(t, "10.0.1.20", 81), "10.0.1.20", 81)
		b.open(Options{})
		go c.Write([]byte("still here"))
		got := make([]byte, 10)
		other.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadFull(other, got); err != nil {
			t.Error(err)
		}
		if err := i1.dial("10.0.1.50", 443); err != nil {
			t.Errorf("steering: %v", err)
		}
		if _, err := b.ApplyFull(world()); err != nil {
			t.Error(err)
		}
		if err := b.SteerNamespace(service.fd, vniA, "svc", sockets[0], sockets[1]); err != nil {
			t.Errorf("steering again: %v", err)
		}
	})
	t.Run("a namespace that is not steered gives no answer", func(t *testing.T) {
		if err := b.UnsteerNamespace("svc", vniA); err != nil {
			t.Fatal(err)
		}
		if err := i1.dial("10.0.1.50", 443); !os.IsTimeout(err) {
			t.Errorf("got %v, want a time-out", err)
		}
		if err := b.UnsteerNamespace("svc", vniA); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}
