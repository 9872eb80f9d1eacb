// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"enishi.dev/enishi/hoststate"
)

// What we write is read by Prometheus's own parser, and its linter finds nothing.
func TestPrometheusReadsTheMetrics(t *testing.T) {
	odd := "a \\ \"b\"\nc \xff" // nothing that comes as a label may break a line
	var s status
	s.Control.Hosts = []hoststate.HostStatus{{Name: "local", Live: true}, {Name: odd}}
	s.Agent.Flows = 1 << 20
	s.Agent.Drops = []hoststate.Drop{{Network: "vpc-1", Reason: "no route", Packets: 7}, {Network: "vpc-1", Reason: "spoofed source", Packets: 1}}
	s.Gateway.Queries = map[string]uint64{"NOERROR": 3}
	var text bytes.Buffer
	if _, err := metrics(s, errors.New("the gateway does not answer")).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text.Bytes())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v in\n%s", problems, err, text.String())
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got := families["enishi_up"].Metric[0].GetGauge().GetValue(); got != 0 {
		t.Errorf("enishi_up is %v though a part does not answer", got)
	}
	if got := families["enishi_flows"].Metric[0].GetGauge().GetValue(); got != 1<<20 {
		t.Errorf("flows: got %v", got)
	}
	drops := families["enishi_dropped_packets_total"].Metric
	if len(drops) != 2 || drops[0].GetCounter().GetValue() != 7 || drops[0].GetLabel()[0].GetValue() != "no route" {
		t.Errorf("drops: got %v", drops)
	}
	if hosts := families["enishi_host_live"].Metric; len(hosts) != 2 || hosts[0].GetLabel()[0].GetValue() != "a \\ \"b\"\nc \uFFFD" {
		t.Errorf("hosts: got %v", hosts)
	}
	if families["enishi_instances"] != nil {
		t.Error("a metric without samples is named")
	}
}
