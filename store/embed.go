// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
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
	// Holder is the process that is named to whoever finds the directory in use: the
	// one to end. 0 is this one.
	Holder int

	quota int64         // of the database, databaseQuota by default
	tick  time.Duration // of raft, raftTick by default
}

// databaseQuota is how large etcd lets its database become before it refuses to write.
const databaseQuota = 8 << 30

// raftTick is slow: in a cluster of one there is nobody whose silence it would notice.
const raftTick = time.Second

// Embedded is an etcd server in this process, the only one of its cluster. It
// listens nowhere; only its client reaches it.
type Embedded struct {
	dir     string
	durable bool
	etcd    *embed.Etcd
	client  *clientv3.Client
	lock    *os.File
	failed  *failure
	once    sync.Once
	relief  relief
}

// StartEmbedded starts the server on the data directory dir, which it makes if
// need be and locks, and returns once it answers. It must be closed.
func StartEmbedded(ctx context.Context, dir string, log *slog.Logger, o EmbedOptions) (*Embedded, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDir(dir, cmp.Or(o.Holder, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	e := &Embedded{lock: lock, dir: dir, durable: !o.UnsafeNoFsync, failed: newFailure(log)}
	for _, step := range []func() error{
		func() error { return checkSpace(dir) },
		func() error { return checkFiles(dir) },
		func() error { return e.start(ctx, o) },
	} {
		if err = step(); err != nil {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), e.Close())
	}
	return e, nil
}

// startTime is more than etcd needs for what its quota lets it hold.
const startTime = 2 * time.Minute

// start has a goroutine of its own, which ends when etcd gives up.
func (e *Embedded) start(ctx context.Context, o EmbedOptions) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	started, failed := make(chan *embed.Etcd, 1), make(chan error, 1)
	go func() {
		defer func() { // etcd does not expect every damage
			if v := recover(); v != nil {
				failed <- fmt.Errorf("etcd: %v", v)
			}
		}()
		etcd, err := embed.StartEtcd(embedConfig(e.dir, o, e.failed.logger()))
		if err != nil {
			failed <- fmt.Errorf("etcd: %w", err)
			return
		}
		stand(ctx, etcd.Server)
		<-etcd.Server.ReadyNotify()
		started <- etcd
	}()
	select {
	case e.etcd = <-started:
	case err := <-failed:
		return fmt.Errorf("%w; if the directory is damaged, restore a copy of it", err)
	case <-e.failed.done:
		return fmt.Errorf("%w; if the directory is damaged, restore a copy of it", e.failed.err)
	case <-ctx.Done():
		return fmt.Errorf("etcd does not become ready: %w", ctx.Err())
	}
	e.client = v3client.New(e.etcd.Server)
	return nil
}

// embedConfig is made for one member that nobody else talks to: it has no listeners.
func embedConfig(dir string, o EmbedOptions, log *zap.Logger) *embed.Config {
	c := embed.NewConfig()
	c.Name = "enishi"
	c.Dir = filepath.Join(dir, etcdDir)
	tick := uint(cmp.Or(o.tick, raftTick).Milliseconds())
	c.TickMs, c.ElectionMs = tick, 5*tick // the fewest that etcd takes
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	c.AdvertiseClientUrls = nil
	self := url.URL{Scheme: "http", Host: "localhost:1"} // its name in the member list; never dialled
	c.AdvertisePeerUrls = []url.URL{self}
	c.InitialCluster = c.Name + "=" + self.String()
	c.MaxTxnOps, c.MaxRequestBytes = MaxTxnOps, MaxRequestBytes
	c.QuotaBackendBytes = cmp.Or(o.quota, databaseQuota)
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModeRevision, "1000"
	c.BootstrapDefragThresholdMegabytes = 256
	c.WarningApplyDuration = time.Minute
	c.WarningUnaryRequestDuration = time.Minute
	c.UnsafeNoFsync = o.UnsafeNoFsync
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	return c
}

// Client returns the way in. It is closed with the server.
func (e *Embedded) Client() *clientv3.Client { return e.client }

// Options are those of a store on this server; Now and Log are left to the caller.
func (e *Embedded) Options() Options {
	return Options{Client: e.client, Alone: true, Writable: e.writable}
}

// writable keeps decisions from etcd when it could not write them, so that it is
// there when space is again. An etcd that gave up over a full disk, as one may that
// was writing when it became full, could not be started again either: the store goes
// on for readers until it can.
func (e *Embedded) writable() error {
	full := checkSpace(e.dir)
	select {
	case <-e.failed.done:
		if full != nil {
			return fmt.Errorf("%w, and %w", e.failed.err, full)
		}
		return fmt.Errorf("%w: %w", ErrLogFailed, e.failed.err)
	default:
	}
	if full != nil {
		return full
	}
	if e.durable {
		if err := fillHoles(e.dir); err != nil {
			return err
		}
	}
	return e.relieve()
}

// Close ends the server; everything written is on the disk. Closing twice is
// closing once. A server that has failed is left as it is, and its directory
// locked, until the process ends.
func (e *Embedded) Close() (err error) {
	e.once.Do(func() {
		if e.client != nil {
			_ = e.client.Close() // first, as the server waits for its clients; it says that it is closed
		}
		select {
		case <-e.failed.done:
			return
		default:
		}
		e.relief.wait()
		if e.etcd != nil {
			e.etcd.Close()
		}
		err = e.lock.Close()
	})
	return err
}
