// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func readStatus(t *testing.T, c *http.Client) (st hoststate.ControlStatus) {
	t.Helper()
	code, text := ask(t, c, http.MethodGet, "/v1/status", nil)
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestReports(t *testing.T) {
	w := newWorld(t)
	c := w.serve()
	defer w.leave("local", w.join("local", hoststate.RoleAgent, hoststate.Position{}))
	defer w.leave("local", w.join("local", hoststate.RoleGateway, hoststate.Position{}))
	at := w.at()
	for _, s := range []struct {
		name    string
		report  hoststate.Report
		code    int
		refused map[string]string
		gateway hoststate.Position
	}{
		{"a position", hoststate.Report{Host: "local", Role: "gateway", Position: at}, 204, nil, at},
		{"refusals add up", hoststate.Report{Host: "local", Role: "gateway", Position: at, Refused: map[string]string{"a": "one", "b": "two"}}, 204, map[string]string{"a": "one", "b": "two"}, at},
		{"one is taken back and one is another", hoststate.Report{Host: "local", Role: "gateway", Position: at, Refused: map[string]string{"a": "", "b": "three"}}, 204, map[string]string{"b": "three"}, at},
		{"another host", hoststate.Report{Host: "other", Role: "gateway", Full: true}, 403, map[string]string{"b": "three"}, at},
		{"a process that hosts do not have", hoststate.Report{Host: "local", Role: "up", Full: true}, 403, map[string]string{"b": "three"}, at},
		{"everything", hoststate.Report{Host: "local", Role: "gateway", Full: true, Refused: map[string]string{"c": "four"}}, 204, map[string]string{"c": "four"}, hoststate.Position{}},
	} {
		t.Run(s.name, func(t *testing.T) {
			if code, text := ask(t, c, http.MethodPost, "/v1/report", asJSON(t, s.report)); code != s.code {
				t.Fatalf("%d: %s", code, text)
			}
			want := []hoststate.HostStatus{{Name: "local", Live: true, Gateway: s.gateway, Refused: s.refused}}
			if diff := cmp.Diff(want, readStatus(t, c).Hosts); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("something else", func(t *testing.T) {
		for _, body := range []string{"", "{", "[]", `{"position":7}`} {
			if code, text := ask(t, c, http.MethodPost, "/v1/report", []byte(body)); code != http.StatusBadRequest {
				t.Errorf("%q: %d: %s", body, code, text)
			}
		}
	})
	t.Run("of a host that does not follow yet go to the lifecycle alone", func(t *testing.T) {
		c := newWorld(t).serve()
		if code, text := ask(t, c, http.MethodPost, "/v1/report", asJSON(t, hoststate.Report{Host: "local", Role: "gateway", Position: at})); code != 204 {
			t.Errorf("%d: %s", code, text)
		}
	})
}

func TestStatusSaysWhatDoesNotHoldYet(t *testing.T) {
	w := newWorld(t)
	c := w.serve()
	if diff := cmp.Diff([]string{}, readStatus(t, c).NotYet); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.decide(func(tx *store.Tx) {
		gone := vpc.EndpointStatus{Gone: tx.Now()}
		for id, e := range map[vpc.EndpointID]vpc.Endpoint{
			"vpce-1": {ENIs: []vpc.ENIID{"eni-1"}, Generation: 1}, "vpce-2": {DeleteRequested: true}, "vpce-3": {}, "vpce-4": {DeleteRequested: true, Status: gone},
		} {
			e.ID, e.VPC = id, "vpc-1"
			tx.Endpoints.Put(e)
			tx.Endpoints.PutStatus(e)
		}
		for id, i := range map[vpc.InstanceID]vpc.Instance{
			"i-1": {PowerWanted: vpc.PowerOn}, "i-2": {PowerWanted: vpc.PowerOn, Status: vpc.InstanceStatus{Reason: "no room"}}, "i-3": {PowerWanted: vpc.PowerTerminated},
			"i-4": {PowerWanted: vpc.PowerOn, Status: vpc.InstanceStatus{Running: true}}, "i-5": {PowerWanted: vpc.PowerTerminated, Status: vpc.InstanceStatus{Gone: tx.Now()}},
		} {
			i.ID, i.Host = id, "local"
			tx.Instances.Put(i)
			tx.Instances.PutStatus(i)
		}
	})
	want := []string{
		"endpoint vpce-1 in vpc-1 is not reached under all its names yet",
		"endpoint vpce-2 in vpc-1 is being withdrawn",
		"instance i-1 does not run yet on local",
		"instance i-2 does not run yet on local: no room",
		"instance i-3 is being ended on local",
	}
	if diff := cmp.Diff(want, readStatus(t, c).NotYet); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadyWaitsForBothProcesses(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	socket := w.listen()
	defer w.leave("local", w.join("local", hoststate.RoleAgent, hoststate.Position{}))
	answered := make(chan int, 1)
	c := feed.UnixClient(socket)
	go func() { // by connections of its own: who asks closes idle ones
		code, _ := ask(t, feed.UnixClient(socket), http.MethodGet, "/v1/ready", nil)
		answered <- code
	}()
	stale := w.at()
	stale.Revision--
	for _, s := range []struct {
		name string
		role hoststate.Role
		at   hoststate.Position
	}{
		{"the agent is a revision behind", hoststate.RoleAgent, stale},
		{"the gateway is there", hoststate.RoleGateway, w.at()},
		{"the agent is in another life of the cluster", hoststate.RoleAgent, hoststate.Position{Incarnation: "another", Revision: 1 << 40}},
	} {
		if code, text := ask(t, c, http.MethodPost, "/v1/report", asJSON(t, hoststate.Report{Host: "local", Role: s.role, Position: s.at})); code != 204 {
			t.Fatalf("%s: %d: %s", s.name, code, text)
		}
		w.mu.Lock()
		reached := w.reached(w.at())
		w.mu.Unlock()
		if reached || len(answered) > 0 {
			t.Fatalf("%s, and it is ready", s.name)
		}
	}
	if code, text := ask(t, c, http.MethodPost, "/v1/report", asJSON(t, hoststate.Report{Host: "local", Role: hoststate.RoleAgent, Position: w.at()})); code != 204 {
		t.Fatalf("%d: %s", code, text)
	}
	select {
	case code := <-answered:
		if code != http.StatusOK {
			t.Errorf("it answers %d", code)
		}
	case <-time.After(patience):
		t.Error("both are there, and it does not answer")
	}
}

func TestAControlThatEndsIsNotReady(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := httptest.NewRecorder()
	w.ready(out, httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/ready", nil))
	if out.Code != http.StatusServiceUnavailable {
		t.Errorf("it answers %d", out.Code)
	}
}

func TestBootstrapIsForRoot(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	if code, text := ask(t, w.serve(), http.MethodGet, "/v1/bootstrap", nil); code != http.StatusOK || !strings.Contains(text, `"account":"123456789012"`) {
		t.Errorf("%d: %s", code, text)
	}
}
