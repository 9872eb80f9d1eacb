// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/accept"
	"enishi.dev/enishi/peer"
)

// handovers passes the networks' sockets to the gateway: all there are when it
// connects, and each that comes or goes after that. The agent keeps its own
// copies, so that connections wait in them while there is no gateway.
type handovers struct {
	listener *net.UnixListener
	uid      int
	log      *slog.Logger

	mu       sync.Mutex
	networks map[string]*network
	gateways map[*net.UnixConn]struct{}
}

// handover is the message that goes with a socket.
type handover struct {
	Network string `json:"network"`
	VNI     uint32 `json:"vni"`
	Kind    string `json:"kind,omitempty"` // tcp, udp53
	Gone    bool   `json:"gone,omitempty"`
}

func newHandovers(l *net.UnixListener, uid int, log *slog.Logger) *handovers {
	return &handovers{listener: l, uid: uid, log: log, networks: map[string]*network{}, gateways: map[*net.UnixConn]struct{}{}}
}

func (h *handovers) close() { h.listener.Close() }

// run takes gateways until ctx ends.
func (h *handovers) run(ctx context.Context) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	defer h.dropAll()
	gateways := peer.Listener{Listener: h.listener, UIDs: []int{h.uid}, Log: h.log}
	err := accept.Each(ctx, gateways, h.log, func(c *net.UnixConn) {
		h.greet(c)
		readers.Go(func() { // a gateway says nothing: a read that returns means that it is gone
			_, _ = c.Read(make([]byte, 1))
			h.drop(c)
		})
	})
	if err != nil {
		return fmt.Errorf("agent-gateway.sock: %w", err)
	}
	return nil
}

func (h *handovers) greet(c *net.UnixConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gateways[c] = struct{}{}
	for id, n := range h.networks {
		h.pass(c, id, n)
	}
}

func (h *handovers) drop(c *net.UnixConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.gateways, c)
	c.Close()
}

func (h *handovers) dropAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.gateways {
		c.Close()
	}
}

func (h *handovers) add(id string, n *network) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.networks[id] = n
	for c := range h.gateways {
		h.pass(c, id, n)
	}
}

func (h *handovers) remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.networks[id]
	if n == nil {
		return
	}
	delete(h.networks, id)
	for c := range h.gateways {
		h.say(c, handover{Network: id, VNI: n.vni, Gone: true}, nil)
	}
}

func (h *handovers) pass(c *net.UnixConn, id string, n *network) {
	h.say(c, handover{Network: id, VNI: n.vni, Kind: "tcp"}, n.tcp)
	h.say(c, handover{Network: id, VNI: n.vni, Kind: "udp53"}, n.udp)
}

// takeLimit bounds how long a gateway may take to read: units wait for it.
const takeLimit = time.Second

// say writes one message. A gateway that does not take it is dropped: it gets
// everything when it connects again.
func (h *handovers) say(c *net.UnixConn, m handover, socket *os.File) {
	b, err := json.Marshal(m)
	var rights []byte
	if socket != nil {
		rights = unix.UnixRights(int(socket.Fd()))
	}
	if err == nil {
		err = c.SetWriteDeadline(time.Now().Add(takeLimit))
	}
	if err == nil {
		_, _, err = c.WriteMsgUnix(b, rights, nil)
	}
	if err != nil {
		h.log.Warn("gateway does not take a socket", "vpc", m.Network, "err", err)
		c.Close()
	}
}
