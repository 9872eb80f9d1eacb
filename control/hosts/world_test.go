// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/lifecycle"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// openStore returns a store of its own in dir, with real etcd behind it, and what
// ends both.
func openStore(t testing.TB, dir string) (*store.Store, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := store.StartEmbedded(ctx, dir, quiet, store.EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, e.Options())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := errors.Join(<-ended, e.Close()); err != nil {
			t.Error(err)
		}
	}
}

// world is a server of a store, whose steps it takes when told to.
type world struct {
	*Server
	t *testing.T
	f *store.Follower
}

// newWorld holds one VPC with a subnet. The tests' own user is the gateway's.
func newWorld(t *testing.T) *world {
	t.Helper()
	s, stop := openStore(t, t.TempDir())
	t.Cleanup(stop)
	var a *Authority
	if err := s.Decide(t.Context(), func(tx *store.Tx) (err error) { a, err = EnsureAuthority(tx, time.Now); return err }); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, Server: New(Options{Store: s, Lifecycle: lifecycle.New(s, quiet), Authority: a, LocalHost: "local",
		GatewayUID: os.Getuid(), OwnerUID: os.Getuid(), Bootstrap: order.Bootstrap{Account: "123456789012"}, Log: quiet})}
	w.SetAPI(api.NewServer(api.Options{Store: s, Log: quiet, Believe: w.Believe}))
	w.f = s.Follow()
	t.Cleanup(w.f.Close)
	w.decide(func(tx *store.Tx) {
		tx.VPCs.Put(vpc.VPC{Meta: meta, ID: "vpc-1", VNI: 256, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, DNSSupport: true, DNSHostnames: true})
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1", Zone: zone, CIDR: netip.MustParsePrefix("10.0.1.0/24")})
	})
	return w
}

const zone = "ap-northeast-1a"

var meta = vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}

// decide writes, and has the server take the step.
func (w *world) decide(f func(tx *store.Tx)) {
	w.t.Helper()
	if err := w.Store.Decide(w.t.Context(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
		w.t.Fatal(err)
	}
	step, err := w.f.Next(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.step(step)
}

func (w *world) launch(n int, host string) {
	w.decide(func(tx *store.Tx) {
		i := vpc.Instance{Meta: meta, ID: vpc.InstanceID(fmt.Sprintf("i-%d", n)), VPC: "vpc-1", Subnet: "subnet-1", Zone: zone, Host: host, PowerWanted: vpc.PowerOn}
		i.ENIs = []vpc.ENIID{vpc.ENIID("eni-" + i.ID)}
		tx.Instances.Put(i)
		tx.ENIs.Put(vpc.ENI{Meta: meta, ID: i.ENIs[0], Number: uint32(n), VPC: "vpc-1", Subnet: "subnet-1", Zone: zone, MAC: "02:01:00:00:00:01",
			Addresses: []netip.Addr{address(n)}, Attachment: &vpc.Attachment{Instance: i.ID}})
	})
}

func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 1, byte(n)}) }

// connect puts the endpoint vpce-1 with a private name. Its suffix is what tests change.
func (w *world) connect(suffix string) {
	w.decide(func(tx *store.Tx) {
		e := vpc.Endpoint{Meta: meta, ID: "vpce-1", VPC: "vpc-1", Type: vpc.Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
			ENIs: []vpc.ENIID{"eni-1"}, PrivateDNS: true, Suffix: suffix, Generation: 1}
		tx.Endpoints.Put(e)
		e.Status.Ready = 1
		tx.Endpoints.PutStatus(e)
		tx.ENIs.Put(vpc.ENI{Meta: meta, ID: "eni-1", Number: 99, VPC: "vpc-1", Subnet: "subnet-1", Zone: zone, MAC: "02:01:00:00:00:02",
			Addresses: []netip.Addr{address(99)}, Endpoint: e.ID, Attachment: &vpc.Attachment{Device: 1}})
	})
}

func (w *world) at() hoststate.Position { return position(w.Store.View()) }

// serve has the server answer on a socket until the test ends.
func (w *world) serve() *http.Client { return feed.UnixClient(w.listen()) }

func (w *world) listen() (socket string) {
	w.t.Helper()
	socket = filepath.Join(w.t.TempDir(), "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, l) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.t.Errorf("it ended with %v", err)
		}
	})
	return socket
}

// ask sends a request and returns what came back, whole.
func ask(t *testing.T, c *http.Client, method, path string, body []byte) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, method, "http://control"+path, bytes.NewReader(body))
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer c.CloseIdleConnections()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: control tells who speaks by its uid")
	}
}
