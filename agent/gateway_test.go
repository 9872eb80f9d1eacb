// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"

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
