// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

func TestServiceNamespaces(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10", "fd00:a::10")
	i2, e2 := testInstance("i-2", "vpc-b", 102, 2, "10.0.1.10")
	world := append(append(testNetwork("vpc-a", 101), testNetwork("vpc-b", 102)...), i1, e1, i2, e2)
	world = append(world, testEndpoint("vpc-a", 101, 50, []string{"ec2.example"}, "10.0.1.50", "fd00:a::50")...)
	world = append(world, testEndpoint("vpc-b", 102, 51, []string{"ec2.example"}, "10.0.1.50")...)
	h.want(world)
	h.untilInstance("i-1", hoststate.InstanceRunning)
	h.untilInstance("i-2", hoststate.InstanceRunning)
	g := h.gateway()
	go serve(g.listener("vpc-a"), "a")
	go serve(g.listener("vpc-b"), "b")

	t.Run("a server sees who called and what was called, in which network", func(t *testing.T) {
		for _, c := range []struct{ from, addr, want string }{
			{"i-1", "10.0.1.50:443", "a at 10.0.1.50:443 for 10.0.1.10"},
			{"i-1", "[fd00:a::50]:443", "a at [fd00:a::50]:443 for fd00:a::10"},
			{"i-2", "10.0.1.50:443", "b at 10.0.1.50:443 for 10.0.1.10"},
		} {
			if code, out := h.dial(c.from, c.addr); code != 0 || out != c.want {
				t.Errorf("%s to %s: exit code %d: %s, want %s", c.from, c.addr, code, out, c.want)
			}
		}
	})
	t.Run("a port that nobody serves is refused", func(t *testing.T) {
		if code, out := h.dial("i-1", "10.0.1.50:444"); code != 1 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Run("a connection waits while there is no gateway", func(t *testing.T) {
		g.close()
		done := make(chan string, 1)
		go func() {
			_, out := h.dial("i-1", "10.0.1.50:443")
			done <- out
		}()
		next := h.gateway()
		l := next.listener("vpc-a")
		time.Sleep(50 * time.Millisecond) // most likely it waits in the queue by now; either way it is answered
		go serve(l, "next")
		if out := <-done; out != "next at 10.0.1.50:443 for 10.0.1.10" {
			t.Error(out)
		}
	})
	t.Run("a network that goes is told, and its namespace goes", func(t *testing.T) {
		g := h.gateway()
		g.socket("vpc-b", "udp53")
		var gone []hoststate.Key
		for _, u := range world {
			switch u := u.(type) {
			case *hoststate.Endpoint:
				if u.Network == "vpc-b" {
					gone = append(gone, u.Key())
				}
			case *hoststate.Interface:
				if u.Network == "vpc-b" {
					gone = append(gone, u.Key())
				}
			}
		}
		h.want(nil, append(gone, i2.Key())...)
		h.want(nil, hoststate.Key{Kind: hoststate.KindNetwork, ID: "vpc-b"})
		eventually(t, "gateway is told", func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.gone["vpc-b"]
		})
		if _, err := os.Stat(h.path("state/ns/svc-vpc-b")); err == nil {
			t.Error("its namespace is left")
		}
		if left, _ := filepath.Glob(h.path("state/bpf/*/*vpc-b")); len(left) != 0 {
			t.Errorf("pins are left: %q", left)
		}
	})
	t.Run("only the gateway gets sockets", func(t *testing.T) {
		asUser(ownerUID, func() {
			c, err := net.Dial("unixpacket", h.path("agent-gateway.sock"))
			if err != nil {
				t.Errorf("dial: %v", err)
				return
			}
			defer c.Close()
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if n, err := c.Read(make([]byte, 100)); n != 0 || err == nil {
				t.Errorf("got %d bytes, %v", n, err)
			}
		})
	})
}
