// SPDX-License-Identifier: Apache-2.0

// Package api answers the requests of tenants: it knows who signed, which
// service's table has the action, whether it is allowed, and how an answer or an
// error is written. It knows no action itself (see the packages below it) and no
// network: what a request says of where it came from is taken from the gateway's
// facts alone, never from its headers.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
)

// Options is what a server is made of.
type Options struct {
	Store    *store.Store
	Services []Service
	Now      func() time.Time // default time.Now
	Log      *slog.Logger     // default: nothing
	// Believe says whether the facts can be true: an error refuses the request.
	// Without it they are believed: the caller of ServeForwarded vouches for them.
	Believe func(hoststate.Facts) error
	// AnyCredentials, if set, says whose a request with the access key id is, and
	// no signature is verified: for people who come from emulators.
	AnyCredentials func(ctx context.Context, accessKeyID string) (iam.AccessKey, error)
	// Furnish, if set, is called before every action that the account asks for in the
	// region: it gives the account what that finds there on its first day.
	Furnish func(ctx context.Context, account, region string) error
}

// Server answers requests. It starts nothing and may be used by many at once.
type Server struct {
	o        Options
	services map[string][]Service // by name: its versions, the one that answers for it first
	log      *slog.Logger
	keys     sigv4.Keys
}

// NewServer returns a server of the services.
func NewServer(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, services: map[string][]Service{}, log: o.Log}
	for _, v := range o.Services {
		s.services[v.Name] = append(s.services[v.Name], v)
	}
	return s
}

// ServeForwarded answers a request that a gateway handed on, as the tenant will
// see it. It always answers: what goes wrong here is logged with its cause, and
// is InternalError for the tenant.
func (s *Server) ServeForwarded(ctx context.Context, f hoststate.Forwarded, body []byte) (int, http.Header, []byte) {
	r := &exchange{s: s, forwarded: f, body: body}
	out, err := r.guarded(ctx)
	if err != nil {
		return r.refuse(s.visible(r, err))
	}
	return r.answer(out)
}

// exchange is one request on its way; what is known of it grows.
type exchange struct {
	s         *Server
	forwarded hoststate.Forwarded
	body      []byte
	call      Call
	service   *Service // of any version until the form is read; nil until the signature's scope is read
}

// guarded is serve, with a panic as an error.
func (r *exchange) guarded(ctx context.Context) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.serve(ctx)
}

func (r *exchange) serve(ctx context.Context) (any, error) {
	r.call.RequestID, r.call.Facts = r.forwarded.Facts.RequestID, r.forwarded.Facts
	if r.s.o.Believe != nil {
		if err := r.s.o.Believe(r.forwarded.Facts); err != nil {
			return nil, fmt.Errorf("facts: %w", err)
		}
	}
	if err := r.identify(ctx); err != nil {
		return nil, err
	}
	if r.s.o.Furnish != nil {
		if err := r.s.o.Furnish(ctx, r.call.Account, r.call.Region); err != nil {
			return nil, fmt.Errorf("furnish account: %w", err)
		}
	}
	form, err := r.form()
	if err != nil {
		return nil, err
	}
	action, err := r.action(form)
	if err != nil {
		return nil, err
	}
	return action.run(ctx, &r.call, form, r.service.Protocol)
}

// visible is the one place where an error becomes what a caller sees.
func (s *Server) visible(r *exchange, err error) *awserr.Error {
	log := s.log.With("request", r.call.RequestID, "account", r.call.Account, "action", r.call.Action,
		"vpce", r.call.Facts.Endpoint, "err", err)
	if e, ok := errors.AsType[*awserr.Error](err); ok {
		if error(e) != err {
			log.Warn("request refused") // there is more to it than the caller sees
		}
		return e
	}
	log.Error("request failed")
	return awserr.New("InternalError", "An internal error has occurred")
}
