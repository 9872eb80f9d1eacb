// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// testGateway takes sockets from the agent. It serves only what a test asks it to.
type testGateway struct {
	t    *testing.T
	conn *net.UnixConn

	mu      sync.Mutex
	sockets map[string]*os.File // by network and kind; the newest
	gone    map[string]bool
	serving []net.Listener
}

func (h *host) gateway() *testGateway {
	h.t.Helper()
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: h.path("agent-gateway.sock"), Net: "unixpacket"})
	if err != nil {
		h.t.Fatal(err)
	}
	g := &testGateway{t: h.t, conn: c, sockets: map[string]*os.File{}, gone: map[string]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for g.take() {
		}
	}()
	h.t.Cleanup(func() { g.close(); <-done })
	return g
}

// take takes one message; false: the agent has gone.
func (g *testGateway) take() bool {
	b, oob := make([]byte, 1024), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := g.conn.ReadMsgUnix(b, oob)
	if err != nil || n == 0 {
		return false
	}
	var m handover
	if err := json.Unmarshal(b[:n], &m); err != nil {
		g.t.Error(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.Gone {
		g.gone[m.Network] = true
		return true
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) != 1 {
		g.t.Errorf("%+v came with %d attachments, %v", m, len(msgs), err)
		return true
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		g.t.Error(err)
		return true
	}
	key := m.Network + "/" + m.Kind
	if g.sockets[key] != nil {
		g.sockets[key].Close()
	}
	g.sockets[key] = os.NewFile(uintptr(fds[0]), key)
	return true
}

func (g *testGateway) close() {
	g.conn.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, f := range g.sockets {
		f.Close()
		delete(g.sockets, k)
	}
	for _, l := range g.serving {
		l.Close()
	}
}

// socket waits for a network's socket.
func (g *testGateway) socket(network, kind string) (f *os.File) {
	g.t.Helper()
	eventually(g.t, kind+" of "+network, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		f = g.sockets[network+"/"+kind]
		return f != nil
	})
	return f
}

func (g *testGateway) listener(network string) net.Listener {
	g.t.Helper()
	l, err := net.FileListener(g.socket(network, "tcp"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serving = append(g.serving, l)
	return l
}

// serve answers each connection with what the server sees of it.
func serve(l net.Listener, who string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			fmt.Fprintf(c, "%s at %s for %s\n", who, plain(c.LocalAddr()), plain(c.RemoteAddr()).Addr())
			_, _ = io.Copy(c, c)
		}()
	}
}

// plain is the address without the IPv6 clothes of a dual-stack socket.
func plain(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// testEndpoint is an endpoint with its interface.
func testEndpoint(network string, vni, number uint32, names []string, ips ...string) []hoststate.Unit {
	e := &hoststate.Endpoint{ID: fmt.Sprintf("vpce-%d", number), Network: network, VNI: vni, Service: "ec2", Names: names, Addresses: addrs(ips...), Ports: []uint16{443}, Generation: 1}
	return units(e, &hoststate.Interface{
		ID: fmt.Sprintf("eni-%d", number), Number: number, Network: network, VNI: vni, MAC: hoststate.MAC{2, 0, 0, 0, 2, byte(number)},
		Addresses: e.Addresses, GroupSet: "open-" + network, RouteTable: "rtb-" + network, Endpoint: e.ID,
	})
}

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

func TestReadiness(t *testing.T) {
	h := newHost(t)
	names := []string{"ec2.ap-northeast-1.amazonaws.example", "*.vpce-50.ec2.example"}
	h.want(append(testNetwork("vpc-a", 101), testEndpoint("vpc-a", 101, 50, names, "10.0.1.50", "fd00:a::50")...))
	g := h.gateway()
	var mu sync.Mutex
	certificate := h.ca.certificate(t, names[0])
	asked := map[string]bool{}
	l := tls.NewListener(g.listener("vpc-a"), &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[hello.ServerName+" at "+plain(hello.Conn.LocalAddr()).String()] = true
		now := certificate
		return &now, nil
	}})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.(*tls.Conn).Handshake() == nil {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	ready := func(r hoststate.Report) int64 { return r.Ready["vpce-50"] }

	t.Run("not ready while a name is not proven", func(t *testing.T) {
		eventually(t, "all have been asked for", func() bool { mu.Lock(); defer mu.Unlock(); return len(asked) == 4 })
		h.until("anything", func(r hoststate.Report) bool {
			if ready(r) != 0 {
				t.Error("ready too early")
			}
			return true
		})
	})
	t.Run("ready when every name is, at every address", func(t *testing.T) {
		mu.Lock()
		certificate = h.ca.certificate(t, names...)
		mu.Unlock()
		h.until("ready", func(r hoststate.Report) bool { return ready(r) == 1 })
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{
			"ec2.ap-northeast-1.amazonaws.example at 10.0.1.50:443", "ec2.ap-northeast-1.amazonaws.example at [fd00:a::50]:443",
			"probe.vpce-50.ec2.example at 10.0.1.50:443", "probe.vpce-50.ec2.example at [fd00:a::50]:443",
		} {
			if !asked[want] {
				t.Errorf("%s was not asked for: %v", want, asked)
			}
		}
	})
	t.Run("a new wish is proven anew", func(t *testing.T) {
		next := testEndpoint("vpc-a", 101, 50, names, "10.0.1.50", "fd00:a::50")
		next[0].(*hoststate.Endpoint).Generation = 2
		h.want(next)
		h.until("ready", func(r hoststate.Report) bool { return ready(r) == 2 })
	})
	t.Run("a certificate of another authority proves nothing", func(t *testing.T) {
		mu.Lock()
		certificate = newAuthority(t).certificate(t, names...)
		clear(asked)
		mu.Unlock()
		h.want(testEndpoint("vpc-a", 101, 51, names, "10.0.1.51"))
		eventually(t, "it is asked twice", func() bool { mu.Lock(); defer mu.Unlock(); return len(asked) == 2 })
		h.until("anything", func(r hoststate.Report) bool {
			if r.Ready["vpce-51"] != 0 {
				t.Error("ready")
			}
			return true
		})
	})
	t.Run("a probe leaves no mark in the drops", func(t *testing.T) {
		for _, d := range h.status().Drops {
			if strings.Contains(d.Reason, "probe") && d.Packets > 0 {
				t.Errorf("%+v", d)
			}
		}
	})
}
