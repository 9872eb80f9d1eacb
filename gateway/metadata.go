// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/metadata"
)

// portMetadata is answered at the addresses of metadata.
const portMetadata = 80

// instances is what instances of this host are told of themselves, by the
// addresses from which they ask.
type instances struct {
	server *metadata.Server

	mu    sync.RWMutex
	at    map[string][]netip.Addr // network -> where they ask
	units map[string]*hoststate.Metadata
	by    map[source]*hoststate.Metadata
}

func newInstances() *instances {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return &instances{
		server: metadata.New(key, time.Now),
		at:     map[string][]netip.Addr{}, units: map[string]*hoststate.Metadata{}, by: map[source]*hoststate.Metadata{},
	}
}

// apply takes in a batch. An address may go from one instance to another in it.
func (i *instances) apply(b feed.Batch) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if b.Full {
		clear(i.at)
		clear(i.units)
		clear(i.by)
	}
	for _, k := range b.Gone {
		switch k.Kind {
		case hoststate.KindNetwork:
			delete(i.at, k.ID)
		case hoststate.KindMetadata:
			i.forget(k.ID)
		}
	}
	for _, u := range b.Set {
		if m, ok := u.(*hoststate.Metadata); ok {
			i.forget(m.Instance)
		}
	}
	for _, u := range b.Set {
		switch u := u.(type) {
		case *hoststate.Network:
			i.at[u.ID] = u.Metadata
		case *hoststate.Metadata:
			i.units[u.Instance] = u
			for _, a := range u.Sources {
				i.by[source{u.Network, a}] = u
			}
		}
	}
}

func (i *instances) forget(id string) {
	m := i.units[id]
	if m == nil {
		return
	}
	delete(i.units, id)
	for _, a := range m.Sources {
		if s := (source{m.Network, a}); i.by[s] == m {
			delete(i.by, s)
		}
	}
}

// asked says whether somebody in the network asks for metadata at local.
func (i *instances) asked(network string, local netip.AddrPort) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return local.Port() == portMetadata && slices.Contains(i.at[network], local.Addr())
}

// find returns what the instance at the source is told, nil if none is there.
func (i *instances) find(s source) *hoststate.Metadata {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.by[s]
}

// tell answers a request for metadata. It is looked up for each request who asks:
// while a connection is open, its address may become another's.
func (i *instances) tell(x *exchange) {
	c := x.conn
	from := i.find(source{c.network, c.source})
	if from == nil {
		c.reset()
		panic(http.ErrAbortHandler)
	}
	x.readDeadline(x.patience.body)
	x.writeDeadline(x.patience.body)
	i.server.Serve(x.w, metadata.Request{Request: x.r, From: from, IPv6: c.local.Addr().Is6(), Hops: c.goOnly})
}

// goOnly has the connection's packets go n hops from now on. Where that cannot be
// set the connection goes: what is for a neighbour alone must not go further.
func (c *conn) goOnly(n uint8) {
	level, option := unix.SOL_IP, unix.IP_TTL
	if c.local.Addr().Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_UNICAST_HOPS
	}
	raw, err := c.SyscallConn()
	var set error
	if err == nil {
		err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), level, option, int(n)) })
	}
	if err != nil || set != nil {
		c.reset()
	}
}
