// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"time"

	"enishi.dev/enishi/hoststate"
)

// control serves the feed and takes reports.
func (h *host) control() {
	h.t.Helper()
	l, err := net.Listen("unix", h.path("control.sock"))
	if err != nil {
		h.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/feed", h.serveFeed)
	mux.HandleFunc("POST /v1/report", h.takeReport)
	mux.HandleFunc("POST /v1/console", h.takeConsole)
	s := &http.Server{Handler: mux}
	go func() { _ = s.Serve(l) }()
	h.t.Cleanup(func() { s.Close() })
}

func (h *host) serveFeed(w http.ResponseWriter, r *http.Request) {
	deltas := make(chan hoststate.Delta, 100)
	h.mu.Lock()
	first := hoststate.Delta{Position: h.position(), Full: true}
	for _, u := range h.world {
		first.Set = append(first.Set, hoststate.Seal(u))
	}
	deltas <- first
	h.feeds[deltas] = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.feeds, deltas)
	}()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(5 * time.Second):
			if _, err := io.WriteString(w, "\n"); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		case d := <-deltas:
			if json.NewEncoder(w).Encode(d) != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	}
}

func (h *host) position() hoststate.Position {
	return hoststate.Position{Incarnation: "test", Revision: h.revision + 1}
}

func (h *host) takeReport(_ http.ResponseWriter, r *http.Request) {
	var rep hoststate.Report
	if err := json.NewDecoder(r.Body).Decode(&rep); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if rep.Full {
		clear(h.reported.Refused)
		clear(h.reported.Ready)
		clear(h.reported.Instances)
	}
	h.reported.Position = rep.Position
	maps.Copy(h.reported.Refused, rep.Refused)
	maps.DeleteFunc(h.reported.Refused, func(_, why string) bool { return why == "" })
	maps.Copy(h.reported.Ready, rep.Ready)
	maps.Copy(h.reported.Instances, rep.Instances)
	h.changed.Broadcast()
}

// takeConsole refuses the first of each instance: the agent tries again.
func (h *host) takeConsole(w http.ResponseWriter, r *http.Request) {
	var c hoststate.Console
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil || c.Host != hostName {
		h.t.Errorf("console %+v: %v", c, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.consoles[c.Instance]; !ok {
		h.consoles[c.Instance] = ""
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	h.consoles[c.Instance] = string(c.Output)
	h.changed.Broadcast()
}

// want changes the world and waits until the agent reports that it holds.
func (h *host) want(set []hoststate.Unit, gone ...hoststate.Key) {
	h.t.Helper()
	h.mu.Lock()
	h.revision++
	d := hoststate.Delta{Position: h.position(), Gone: gone}
	for _, k := range gone {
		delete(h.world, k)
		if k.Kind == hoststate.KindInstance {
			delete(h.reported.Instances, k.ID)
		}
	}
	for _, u := range set {
		h.world[u.Key()] = u
		d.Set = append(d.Set, hoststate.Seal(u))
	}
	for f := range h.feeds {
		f <- d
	}
	h.mu.Unlock()
	h.until(fmt.Sprintf("revision %d", d.Position.Revision), func(r hoststate.Report) bool { return r.Position.Revision >= d.Position.Revision })
}

// until waits until what was reported is ok, at most 20 s.
func (h *host) until(what string, ok func(hoststate.Report) bool) {
	h.t.Helper()
	over := time.AfterFunc(20*time.Second, h.changed.Broadcast)
	defer over.Stop()
	begun := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for !ok(h.reported) {
		if time.Since(begun) > 20*time.Second {
			h.t.Fatalf("never: %s; reported: %+v", what, h.reported)
		}
		h.changed.Wait()
	}
}

func (h *host) untilInstance(id string, state hoststate.InstanceState) {
	h.t.Helper()
	h.until(id+" is "+string(state), func(r hoststate.Report) bool { return r.Instances[id].State == state })
}
