// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what `status` shows, for Prometheus. Each scrape asks the parts anew;
// a part that does not answer leaves its own out, and enishi_up at 0.
type metrics struct{ app *app }

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("enishi_"+name, help, labels, nil)
}

var (
	upMetric        = metric("up", "1 if every part answers.")
	hostMetric      = metric("host_live", "1 if the host's agent is heard.", "host")
	notYetMetric    = metric("not_yet_true", "What is wanted and does not hold yet.")
	refusedMetric   = metric("refused_units", "Units that a host could not make true.", "host")
	dropMetric      = metric("dropped_packets_total", "Packets refused, by network and reason.", "vpc", "reason")
	flowMetric      = metric("flows", "Connections that the data plane tracks.")
	networkMetric   = metric("networks", "Networks on the host.")
	instanceMetric  = metric("instances", "Instances on the host, by state.", "state")
	queryMetric     = metric("dns_answers_total", "Answers of the resolvers, by response code; limited and dropped are queries without one.", "rcode")
	fruitlessMetric = metric("fruitless_connections_total", "Connections of instances to the gateway that led to no answer.", "reason")
	revisionMetric  = metric("control_revision", "Revision of the model.")
	positionMetric  = metric("host_revision", "Revision that a part of a host has made true.", "host", "part")
)

// Describe implements prometheus.Collector.
func (m metrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements prometheus.Collector.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	s, err := m.app.readStatus(context.Background())
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	flag := map[bool]float64{true: 1}
	gauge(upMetric, flag[err == nil])
	gauge(notYetMetric, float64(len(s.Control.NotYet)))
	gauge(revisionMetric, float64(s.Control.Position.Revision))
	for _, h := range s.Control.Hosts {
		gauge(hostMetric, flag[h.Live], h.Name)
		gauge(refusedMetric, float64(len(h.Refused)), h.Name)
		gauge(positionMetric, float64(h.Agent.Revision), h.Name, "agent")
		gauge(positionMetric, float64(h.Gateway.Revision), h.Name, "gateway")
	}
	for _, d := range s.Agent.Drops {
		counter(dropMetric, d.Packets, d.Network, d.Reason)
	}
	gauge(flowMetric, float64(s.Agent.Flows))
	gauge(networkMetric, float64(s.Agent.Networks))
	states := map[string]float64{}
	for _, i := range s.Agent.Instances {
		states[string(i.State)]++
	}
	for state, n := range states {
		gauge(instanceMetric, n, state)
	}
	for reason, n := range s.Gateway.Connections {
		counter(fruitlessMetric, n, reason)
	}
	for rcode, n := range s.Gateway.Queries {
		counter(queryMetric, n, rcode)
	}
}

// listenAdmin opens the admin address, which anybody on the machine can reach: it
// says how things stand and takes no orders.
func (u *upRun) listenAdmin() (net.Listener, error) {
	return listenLoopback("--admin", u.admin, "what it tells is for this machine")
}

// serveAdmin answers /metrics and /healthz until ctx ends.
func (u *upRun) serveAdmin(ctx context.Context, l net.Listener) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics{u.app})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
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
