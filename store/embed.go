// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"
)

// EmbedOptions are the choices there are for an embedded server.
type EmbedOptions struct {
	// UnsafeNoFsync leaves writing to the disk to the kernel: for data that need
	// not survive the machine.
	UnsafeNoFsync bool
}

// Embedded is an etcd server in this process, the only one of its cluster. It
// listens nowhere; only its client reaches it.
type Embedded struct {
	etcd   *embed.Etcd
	client *clientv3.Client
	lock   *os.File
	once   sync.Once
}

// StartEmbedded starts the server on the data directory dir, which it makes if
// need be and locks, and returns once it answers. It must be closed.
func StartEmbedded(ctx context.Context, dir string, log *slog.Logger, o EmbedOptions) (*Embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	e := &Embedded{lock: lock}
	if err := e.start(ctx, dir, o); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), e.Close())
	}
	return e, nil
}

func (e *Embedded) start(ctx context.Context, dir string, o EmbedOptions) (err error) {
	if e.etcd, err = embed.StartEtcd(embedConfig(dir, o)); err != nil {
		return err
	}
	select {
	case <-e.etcd.Server.ReadyNotify():
	case err := <-e.etcd.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
	e.client = v3client.New(e.etcd.Server)
	return nil
}

// embedConfig is made for one member that nobody else talks to: quick ticks, as
// its elections need no network, and no listeners.
func embedConfig(dir string, o EmbedOptions) *embed.Config {
	c := embed.NewConfig()
	c.Name = "enishi"
	c.Dir = filepath.Join(dir, "etcd")
	c.TickMs, c.ElectionMs = 10, 100
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	c.AdvertiseClientUrls = nil
	self := url.URL{Scheme: "http", Host: "localhost:1"} // its name in the member list; never dialled
	c.AdvertisePeerUrls = []url.URL{self}
	c.InitialCluster = c.Name + "=" + self.String()
	c.MaxTxnOps, c.MaxRequestBytes = MaxTxnOps, MaxRequestBytes
	c.QuotaBackendBytes = 8 << 30
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModeRevision, "1000"
	c.BootstrapDefragThresholdMegabytes = 256
	c.WarningApplyDuration = time.Minute
	c.WarningUnaryRequestDuration = time.Minute
	c.UnsafeNoFsync = o.UnsafeNoFsync
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return c
}

// Client returns the way in. It is closed with the server.
func (e *Embedded) Client() *clientv3.Client { return e.client }

// Options are those of a store on this server.
func (e *Embedded) Options() Options { return Options{Client: e.client, Alone: true} }

// Close ends the server; everything written is on the disk. Closing twice is
// closing once.
func (e *Embedded) Close() error {
	var errs []error
	e.once.Do(func() {
		if e.client != nil {
			errs = append(errs, e.client.Close()) // first: the server waits for its clients
		}
		if e.etcd != nil {
			e.etcd.Close()
		}
		errs = append(errs, e.lock.Close())
	})
	return errors.Join(errs...)
}
