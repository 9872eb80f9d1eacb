// SPDX-License-Identifier: Apache-2.0

// Package peer says who is at the other end of a unix socket, as the kernel has
// it. It does not know who may be.
package peer

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/sys/unix"
)

// Peer is the process that connected, at the time it did.
type Peer struct{ PID, UID, GID int }

// Of returns the peer of a unix connection.
func Of(c net.Conn) (Peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}, fmt.Errorf("%T has no peer credentials", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var get error
	if err := raw.Control(func(fd uintptr) {
		cred, get = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if get != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", get)
	}
	return Peer{PID: int(cred.Pid), UID: int(cred.Uid), GID: int(cred.Gid)}, nil
}

type key struct{}

// ConnContext is for [http.Server]: it keeps a connection's peer for [From].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	p, err := Of(c)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, p)
}

// From returns the peer of a request; false if it is not known.
func From(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(key{}).(Peer)
	return p, ok
}

// Only serves h to the users named and to root, and refuses everybody else.
func Only(h http.Handler, uids ...int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := From(r.Context())
		allowed := ok && p.UID == 0
		for _, uid := range uids {
			allowed = allowed || ok && p.UID == uid
		}
		if !allowed {
			http.Error(w, fmt.Sprintf("uid %d may not ask for %s", p.UID, r.URL.Path), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
