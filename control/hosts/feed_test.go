// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/peer"
	"enishi.dev/enishi/store"
)

// content is a delta as text: sorted keys, "-" before those that are gone. Public
// names of AWS's services are left out.
func content(d hoststate.Delta) []string {
	all := []string{}
	for _, e := range d.Set {
		if e.Key.Kind != hoststate.KindName || strings.HasPrefix(e.Key.ID, "vpc-1/") || strings.Contains(e.Key.ID, "vpce") {
			all = append(all, e.Key.String())
		}
	}
	for _, k := range d.Gone {
		all = append(all, "-"+k.String())
	}
	slices.Sort(all)
	return all
}

func wantContent(t *testing.T, d hoststate.Delta, full bool, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, content(d)); diff != "" || d.Full != full {
		t.Fatalf("full %v (-want +got)\n%s", d.Full, diff)
	}
}

var (
	ofAgent = []string{"endpoint/vpce-1", "groupset/", "instance/i-1", "interface/eni-1", "interface/eni-i-1", "network/vpc-1"}
	ofGate  = []string{"endpoint/vpce-1", "name//vpce-1-abcd-ap-northeast-1a.ec2.ap-northeast-1.vpce.amazonaws.com",
		"name//vpce-1-abcd.ec2.ap-northeast-1.vpce.amazonaws.com", "name/vpc-1/ec2.ap-northeast-1.amazonaws.com", "network/vpc-1"}
)

func TestAStreamBeginsWithWhatItsProcessLacks(t *testing.T) {
	w := newWorld(t)
	w.launch(1, "local")
	w.launch(2, "elsewhere")
	w.connect("abcd")
	agent := append(slices.Clone(ofAgent), "interface/eni-i-2")
	slices.Sort(agent)
	stale := w.at()
	stale.Revision--
	for name, c := range map[string]struct {
		role hoststate.Role
		at   hoststate.Position
		want []string
	}{
		"an agent that holds nothing":                 {hoststate.RoleAgent, hoststate.Position{}, agent},
		"an agent a revision behind":                  {hoststate.RoleAgent, stale, agent},
		"an agent of another life of the cluster":     {hoststate.RoleAgent, hoststate.Position{Incarnation: "another", Revision: w.at().Revision}, agent},
		"a gateway, which is told names and not ENIs": {hoststate.RoleGateway, hoststate.Position{}, slices.Sorted(slices.Values(append(slices.Clone(ofGate), "metadata/i-1")))},
	} {
		t.Run(name, func(t *testing.T) {
			st := w.join("local", c.role, c.at)
			defer w.leave("local", st)
			d := st.take()
			wantContent(t, d, true, c.want...)
			if d.Position != w.at() {
				t.Errorf("it is at %v, control at %v", d.Position, w.at())
			}
		})
	}
	for _, role := range []hoststate.Role{hoststate.RoleAgent, hoststate.RoleGateway} {
		t.Run("nothing for the "+string(role)+" that is where control is", func(t *testing.T) {
			st := w.join("local", role, w.at())
			defer w.leave("local", st)
			<-st.dirty // it is told its position all the same
			d := st.take()
			wantContent(t, d, false)
			if d.Position != w.at() {
				t.Errorf("it is at %v", d.Position)
			}
			w.connect("efgh" + string(role))
			if d = st.take(); d.Full || !slices.Contains(content(d), "endpoint/vpce-1") {
				t.Errorf("then comes %v, full %v", content(d), d.Full)
			}
			w.connect("abcd")
		})
	}
}

func TestASlowReaderGetsTheNewestOfEach(t *testing.T) {
	w := newWorld(t)
	w.launch(1, "local")
	st := w.join("local", hoststate.RoleAgent, hoststate.Position{})
	w.connect("first")
	t.Run("all in one full delta, when it has read nothing", func(t *testing.T) {
		wantContent(t, st.take(), true, ofAgent...)
	})
	for i := range 20 {
		w.connect(fmt.Sprint("s", i))
		w.launch(3, "local")
		w.decide(func(tx *store.Tx) { tx.Instances.Delete("i-3"); tx.ENIs.Delete("eni-i-3") })
	}
	t.Run("what came and went is only gone", func(t *testing.T) {
		d := st.take()
		wantContent(t, d, false, "-instance/i-3", "-interface/eni-i-3", "endpoint/vpce-1")
		u, err := d.Set[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if e := u.(*hoststate.Endpoint); !slices.Contains(e.Names, "vpce-1-s19.ec2.ap-northeast-1.vpce.amazonaws.com") || d.Position != w.at() {
			t.Errorf("it has %v at %v", e.Names, d.Position)
		}
	})
	w.decide(func(tx *store.Tx) { tx.Instances.Delete("i-1"); tx.ENIs.Delete("eni-i-1") })
	w.launch(1, "local")
	t.Run("what went and came is only set", func(t *testing.T) {
		if d := st.take(); slices.ContainsFunc(content(d), func(s string) bool { return s[0] == '-' }) {
			t.Error(content(d))
		}
	})
	t.Run("what does not concern it moves its position", func(t *testing.T) {
		<-st.dirty
		w.decide(func(tx *store.Tx) { tx.Secrets.Put(store.Secret{Name: "x"}) })
		<-st.dirty
		d := st.take()
		wantContent(t, d, false)
		if d.Position != w.at() {
			t.Errorf("it is at %v, control at %v", d.Position, w.at())
		}
	})
}

func TestAProcessWhosePositionWasStatedAnewIsToldAll(t *testing.T) {
	w := newWorld(t)
	w.decide(func(tx *store.Tx) { tx.Hosts.Put(store.Host{Name: "a"}); tx.Hosts.Put(store.Host{Name: "b"}) })
	w.connect("abcd") // in a VPC without instances: the first live host has it
	b := w.join("b", hoststate.RoleAgent, hoststate.Position{})
	wantContent(t, b.take(), true, "endpoint/vpce-1", "groupset/", "interface/eni-1", "network/vpc-1")
	w.leave("b", b)
	a := w.join("a", hoststate.RoleAgent, hoststate.Position{})
	wantContent(t, a.take(), true, "endpoint/vpce-1", "groupset/", "interface/eni-1", "network/vpc-1")
	b = w.join("b", hoststate.RoleAgent, w.at())
	wantContent(t, b.take(), true)
}

func TestAStreamOverASocket(t *testing.T) {
	w := newWorld(t)
	w.connect("abcd")
	defer w.leave("local", w.join("local", hoststate.RoleAgent, hoststate.Position{})) // by which the host is live
	c := w.serve()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/v1/feed?host=local&role=gateway", nil)
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	var first, second hoststate.Delta
	if err := dec.Decode(&first); err != nil {
		t.Fatal(err)
	}
	wantContent(t, first, true, ofGate...)
	w.decide(func(tx *store.Tx) {
		tx.Endpoints.Delete("vpce-1")
		tx.ENIs.Delete("eni-1")
		tx.VPCs.Delete("vpc-1")
		tx.Subnets.Delete("subnet-1")
	})
	if err := dec.Decode(&second); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(content(second), "-network/vpc-1") || second.Full {
		t.Errorf("then comes %v, full %v", content(second), second.Full)
	}
	if got := w.LiveHosts(); !slices.Equal(got, []string{"local"}) {
		t.Errorf("live is %v", got)
	}
}

// peerContext is that of a request of this process.
func peerContext(t *testing.T) context.Context {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
	defer mine.Close()
	defer other.Close()
	c, err := net.FileConn(mine)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return peer.ConnContext(context.Background(), c)
}

func TestAStreamWithoutNewsIsHeardAllTheSame(t *testing.T) {
	w := newWorld(t)
	ctx := peerContext(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		out := httptest.NewRecorder()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			New(w.Options).feed(out, httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/feed?host=local&role=gateway", nil))
		}()
		time.Sleep(3*heartbeat + heartbeat/2)
		synctest.Wait()
		cancel()
		<-ended
		lines := bufio.NewScanner(out.Body)
		lines.Buffer(nil, 1<<20)
		empty := -1 // the first one holds the units
		for lines.Scan() {
			if empty++; empty > 0 && lines.Text() != "" {
				t.Errorf("line %d is %q", empty, lines.Text())
			}
		}
		if empty != 3 {
			t.Errorf("%d empty lines", empty)
		}
	})
}

func TestAHostIsLiveUntilItsAgentWasSilentForAWhile(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(w.Options)
		st := s.join("local", hoststate.RoleAgent, hoststate.Position{})
		live := func() bool { s.mu.Lock(); s.judge(); s.mu.Unlock(); return len(s.LiveHosts()) == 1 }
		hears := func(role hoststate.Role) { s.mu.Lock(); s.hosts["local"].hear(role); s.mu.Unlock() }
		for range 5 {
			time.Sleep(silence - 1)
			if !live() {
				t.Error("a host is not live that was heard just now")
			}
			hears(hoststate.RoleAgent)
		}
		time.Sleep(silence - 1)
		hears(hoststate.RoleGateway)
		time.Sleep(time.Nanosecond)
		if live() {
			t.Error("a host is live whose agent keeps its stream open and is silent")
		}
		hears(hoststate.RoleAgent)
		if !live() {
			t.Error("a host is not live that is heard again")
		}
		s.leave("local", st)
		if !live() {
			t.Error("a host is not waited for that was there just now")
		}
	})
}

func TestAPositionAloneWaitsForOthers(t *testing.T) {
	at := func(revision int64) hoststate.Position {
		return hoststate.Position{Incarnation: "a", Revision: revision}
	}
	waits := func(st *stream) bool { synctest.Wait(); return len(st.dirty) == 0 }
	synctest.Test(t, func(t *testing.T) {
		st := newStream(hoststate.RoleGateway)
		for i := range int64(9) {
			st.push(at(i), []hoststate.Unit{&hoststate.Interface{ID: "eni-1"}}, nil) // which is an agent's
			time.Sleep(positionWait / 10)
		}
		if !waits(st) {
			t.Error("it does not wait")
		}
		time.Sleep(positionWait / 10)
		if waits(st) {
			t.Fatal("it waits for longer than it may")
		}
		<-st.dirty
		if d := st.take(); d.Position != at(8) || len(d.Set) > 0 {
			t.Errorf("got %+v", d)
		}
		st.push(at(9), nil, nil)
		st.push(at(10), []hoststate.Unit{&hoststate.Network{ID: "vpc-1"}}, nil)
		if waits(st) {
			t.Fatal("a unit waits")
		}
		<-st.dirty
		st.take()
		time.Sleep(2 * positionWait)
		if !waits(st) {
			t.Error("what went with a unit is sent again")
		}
	})
}
