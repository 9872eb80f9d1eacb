// SPDX-License-Identifier: Apache-2.0

// Package control is the process that decides: it puts the store, the API, the
// lifecycle and the channel to hosts together, and sees to the first account.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/aws/region"
	"enishi.dev/enishi/control/accounts"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/ec2"
	"enishi.dev/enishi/control/api/elbv2"
	"enishi.dev/enishi/control/api/sts"
	"enishi.dev/enishi/control/hosts"
	"enishi.dev/enishi/control/lifecycle"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
)

// Options is what control needs from outside.
type Options struct {
	DataDir   string // etcd's
	Holder    int    // process to end, for who finds DataDir in use; 0: this one
	Ephemeral bool   // nobody needs the data after a crash: do not wait for the disk
	Listener  net.Listener
	// Remote is where other hosts reach control; nil: there are none.
	Remote     net.Listener
	Region     string // of the first account's credentials
	HostName   string // the local host's
	GatewayUID int
	OwnerUID   int
	// AnyCredentials takes every caller's word for who it is.
	AnyCredentials bool
	Log            *slog.Logger
}

// Run decides until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	if !region.Known(o.Region) {
		return fmt.Errorf("region %q is not known: give one of AWS's with --region", o.Region)
	}
	etcd, err := store.StartEmbedded(ctx, o.DataDir, o.Log, store.EmbedOptions{UnsafeNoFsync: o.Ephemeral, Holder: o.Holder})
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer func() { err = errors.Join(err, etcd.Close()) }()
	so := etcd.Options()
	so.Log = o.Log
	s, err := store.Open(ctx, so)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error { return serve(ctx, o, s) })
	if err := g.Wait(); ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// serve does everything that needs a store that runs.
func serve(ctx context.Context, o Options, s *store.Store) error {
	boot, authority, err := ensureFirst(ctx, s, o.Region)
	if err != nil {
		return fmt.Errorf("first account: %w", err)
	}
	life := lifecycle.New(s, o.Log)
	var believe func(context.Context, string) (iam.AccessKey, error)
	if o.AnyCredentials {
		o.Log.Warn("credentials are not verified: whoever reaches the public entry or an endpoint may do everything")
		believe = func(ctx context.Context, id string) (iam.AccessKey, error) { return accounts.Believed(ctx, s, id) }
	}
	h := hosts.New(hosts.Options{
		Store: s, Lifecycle: life, Authority: authority, Bootstrap: boot, Accounts: accounts.Handler(s),
		LocalHost: o.HostName, GatewayUID: o.GatewayUID, OwnerUID: o.OwnerUID, Log: o.Log,
	})
	machines := ec2.New(ec2.Options{Store: s, Hosts: h.LiveHosts, DataOnly: o.AnyCredentials})
	h.SetAPI(api.NewServer(api.Options{
		Store: s, Log: o.Log, Believe: h.Believe, AnyCredentials: believe, Furnish: machines.Furnish,
		Services: []api.Service{machines.Service(), elbv2.Service(), elbv2.Classic(), sts.Service()},
	}))
	g, ctx := errgroup.WithContext(ctx)
	if o.Remote != nil {
		h.RemoteAddress = o.Remote.Addr().String()
		g.Go(func() error { return h.ServeRemote(ctx, o.Remote) })
	}
	g.Go(func() error { return life.Run(ctx) })
	g.Go(func() error { return h.Run(ctx) })
	g.Go(func() error { return h.Serve(ctx, o.Listener) })
	return g.Wait()
}

// ensureFirst makes the first account with a key of its root, and the authority,
// unless an earlier run has.
func ensureFirst(ctx context.Context, s *store.Store, regionName string) (order.Bootstrap, *hosts.Authority, error) {
	var key iam.AccessKey
	var authority *hosts.Authority
	err := s.Decide(ctx, func(tx *store.Tx) (err error) {
		if authority, err = hosts.EnsureAuthority(tx, time.Now); err != nil {
			return err
		}
		key, err = accounts.Ensure(tx, accounts.Default, "default")
		return err
	})
	if err != nil {
		return order.Bootstrap{}, nil, err
	}
	return order.Bootstrap{
		Account: key.Account, Region: regionName, AccessKey: key.ID, SecretKey: key.Secret, CA: authority.PEM(),
	}, authority, nil
}
