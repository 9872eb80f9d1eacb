// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// metrics are what `status` shows, for Prometheus. Each scrape asks the parts anew;
// a part that does not answer leaves its own out, and enishi_up at 0.
func metrics(s status, err error) *exposition {
	e := &exposition{}
	flag := map[bool]float64{true: 1}
	e.gauge("up", "1 if every part answers.").add(flag[err == nil])
	e.gauge("not_yet_true", "What is wanted and does not hold yet.").add(float64(len(s.Control.NotYet)))
	e.gauge("control_revision", "Revision of the model.").add(float64(s.Control.Position.Revision))
	live := e.gauge("host_live", "1 if the host's agent is heard.", "host")
	refused := e.gauge("refused_units", "Units that a host could not make true.", "host")
	position := e.gauge("host_revision", "Revision that a part of a host has made true.", "host", "part")
	for _, h := range s.Control.Hosts {
		live.add(flag[h.Live], h.Name)
		refused.add(float64(len(h.Refused)), h.Name)
		position.add(float64(h.Agent.Revision), h.Name, "agent")
		position.add(float64(h.Gateway.Revision), h.Name, "gateway")
	}
	drops := e.counter("dropped_packets_total", "Packets refused, by network and reason.", "reason", "vpc")
	for _, d := range s.Agent.Drops {
		drops.add(float64(d.Packets), d.Reason, d.Network)
	}
	e.gauge("flows", "Connections that the data plane tracks.").add(float64(s.Agent.Flows))
	e.gauge("networks", "Networks on the host.").add(float64(s.Agent.Networks))
	instances := e.gauge("instances", "Instances on the host, by state.", "state")
	for _, i := range s.Agent.Instances {
		instances.add(1, string(i.State))
	}
	fruitless := e.counter("fruitless_connections_total", "Connections of instances to the gateway that led to no answer.", "reason")
	for reason, n := range s.Gateway.Connections {
		fruitless.add(float64(n), reason)
	}
	answers := e.counter("dns_answers_total", "Answers of the resolvers, by response code; limited and dropped are queries without one.", "rcode")
	for rcode, n := range s.Gateway.Queries {
		answers.add(float64(n), rcode)
	}
	return e
}

// listenAdmin opens the admin address, which anybody on the machine can reach: it
// says how things stand and takes no orders.
func (u *upRun) listenAdmin() (net.Listener, error) {
	return listenLoopback("--admin", u.admin, "what it tells is for this machine")
}

// serveAdmin answers /metrics and /healthz until ctx ends.
func (u *upRun) serveAdmin(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = metrics(u.readStatus(r.Context())).WriteTo(w) // who went away reads nothing
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := u.readStatus(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("admin address: %w", err)
	}
	return nil
}
