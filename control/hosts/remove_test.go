// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func TestAHostIsRemoved(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	local, remote := w.serve(), w.serveRemote()
	b := w.enter(remote(nil), "b", w.invite(local, "b"))
	w.launch(1, "b")
	w.decide(func(tx *store.Tx) {
		i, _ := tx.Instances.Get("i-1")
		i.KeepFromTermination = true
		tx.Instances.Put(i)
	})
	remove := func(name, order string, code int, says string) {
		t.Helper()
		if got, text := ask(t, local, http.MethodPost, "/v1/hosts/"+name+"/remove", []byte(order)); got != code || !strings.Contains(text, says) {
			t.Errorf("%s %s: %d %s", name, order, got, text)
		}
	}
	st := w.join("b", hoststate.RoleAgent, hoststate.Position{})
	remove("local", `{"force":true}`, 400, `host "local" is where control runs`)
	remove("c", `{}`, 400, `there is no host "c"`)
	remove("b", `{}`, 400, `host "b" has instances: i-1: terminate them, or give --force if it is lost`)
	if live := w.LiveHosts(); !slices.Contains(live, "b") {
		t.Fatalf("live hosts: %v", live)
	}
	remove("b", `{"force":true}`, 200, `{"terminated":["i-1"]}`)
	select {
	case <-st.ended:
	default:
		t.Error("its stream goes on")
	}
	w.leave("b", st)
	if live := w.LiveHosts(); slices.Contains(live, "b") {
		t.Errorf("live hosts: %v", live)
	}
	if i, _ := w.Store.View().Instances.Get("i-1"); i.PowerWanted != vpc.PowerTerminated {
		t.Errorf("its instance is wanted %s", i.PowerWanted)
	}
	if code, text := ask(t, remote(b["agent"]), http.MethodPost, "/v1/report", []byte(`{"host":"b","role":"agent"}`)); code != 403 {
		t.Errorf("it is still heard: %d %s", code, text)
	}
	if err := w.setTunnel(t.Context(), "b", "192.0.2.2"); err == nil {
		t.Error("what it said last makes it a host again")
	}
	if st := w.join("b", hoststate.RoleAgent, hoststate.Position{}); st != nil || w.hosts["b"] != nil {
		t.Error("a stream that was let in just before makes it a host again")
		w.leave("b", st)
	}
	t.Run("and comes again by another invitation", func(t *testing.T) {
		b := w.enter(remote(nil), "b", w.invite(local, "b"))
		if code, text := ask(t, remote(b["agent"]), http.MethodPost, "/v1/report", []byte(`{"host":"b","role":"agent"}`)); code != 204 {
			t.Errorf("%d %s", code, text)
		}
		remove("b", `{}`, 400, "i-1") // until its end is settled
	})
}

func TestAHostIsRemovedHoweverMuchIsOnIt(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	local, remote := w.serve(), w.serveRemote()
	w.enter(remote(nil), "b", w.invite(local, "b"))
	const n, each = 400, 100 // of these rows more than one decision may write
	for first := 0; first < n; first += each {
		w.decide(func(tx *store.Tx) {
			for i := range each {
				tx.Instances.Put(vpc.Instance{Meta: meta, ID: vpc.InstanceID(fmt.Sprintf("i-%d", first+i)), VPC: "vpc-1", Host: "b", PowerWanted: vpc.PowerOn, UserData: make([]byte, 16<<10)})
			}
		})
	}
	code, text := ask(t, local, http.MethodPost, "/v1/hosts/b/remove", []byte(`{"force":true}`))
	var out order.Removed
	if err := json.Unmarshal([]byte(text), &out); code != 200 || err != nil || len(out.Terminated) != n {
		t.Fatalf("%d: %d went with it: %.200s", code, len(out.Terminated), text)
	}
	for i := range w.Store.View().Instances.All() {
		if i.PowerWanted != vpc.PowerTerminated {
			t.Errorf("%s is wanted %s", i.ID, i.PowerWanted)
		}
	}
	if _, ok := w.Store.View().Hosts.Get("b"); ok {
		t.Error("it is a host still")
	}
}

func TestAHostIsNoneWithoutItsRow(t *testing.T) {
	w := newWorld(t)
	w.decide(func(tx *store.Tx) { tx.Hosts.Put(store.Host{Name: "b"}) })
	defer w.leave("local", w.join("local", hoststate.RoleAgent, hoststate.Position{}))
	st := w.join("b", hoststate.RoleAgent, hoststate.Position{})
	defer w.leave("b", st)
	w.decide(func(tx *store.Tx) { tx.Hosts.Delete("b") }) // as by a removal that is not told whether it was written
	select {
	case <-st.ended:
	default:
		t.Error("its stream goes on")
	}
	if live := w.LiveHosts(); !slices.Equal(live, []string{"local"}) {
		t.Errorf("live hosts: %v", live)
	}
}

func TestSomeNamesTheFirstOfMany(t *testing.T) {
	if got := some([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 more" {
		t.Error(got)
	}
}
