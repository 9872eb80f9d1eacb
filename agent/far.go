// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/user"
	"strconv"
	"sync"
	"time"

	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/hoststate/reach"
	"enishi.dev/enishi/instance"
)

// serveFar answers, until ctx ends, who asks from control's machine: control has
// seen that it is root there, or its owner. Commands of theirs end with this agent.
func (a *Agent) serveFar(ctx context.Context) error {
	l := reach.Listen(ctx, a.layout.control(), a.Log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/why", a.why)
	mux.Handle("GET /v1/name", a.askGateway())
	mux.HandleFunc("POST /v1/exec", a.exec(instance.Carry))
	var open sync.WaitGroup // with those whose connections are no HTTP any more
	s := http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open.Add(1)
			defer open.Done()
			a.allowed(mux).ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       a.withAsker,
	}
	defer open.Wait()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	offered := make(chan error, 1)
	go func() { offered <- l.Run(ctx) }()
	err := s.Serve(l)
	if ctx.Err() == nil {
		err = fmt.Errorf("serve control's machine: %w", err)
	}
	return errors.Join(err, <-offered)
}

// withAsker notes as whom the commands of a connection run: root's as root, the
// owner's as who owns this host's run.
func (a *Agent) withAsker(ctx context.Context, c net.Conn) context.Context {
	var who instance.Identity
	if asked, ok := c.(*reach.Asked); !ok || !asked.Root {
		var err error
		if who, err = userOf(a.OwnerUID); err != nil {
			a.Log.Warn("the owner of this run", "uid", a.OwnerUID, "err", err)
			return ctx
		}
	}
	return context.WithValue(ctx, peerKey{}, who)
}

// userOf is a user of this host with its groups.
func userOf(uid int) (who instance.Identity, err error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return who, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return who, err
	}
	who.UID = uid
	if who.GID, err = strconv.Atoi(u.Gid); err != nil {
		return who, err
	}
	for _, g := range groups {
		n, err := strconv.Atoi(g)
		if err != nil {
			return who, err
		}
		who.Groups = append(who.Groups, n)
	}
	return who, nil
}

// askGateway passes a request on to this host's gateway.
func (a *Agent) askGateway() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "gateway"}) },
		Transport: feed.UnixClient(a.layout.gateway()).Transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "ask gateway: "+err.Error(), http.StatusServiceUnavailable)
		},
	}
}
