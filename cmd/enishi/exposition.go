// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// exposition is what Prometheus reads: its text format, version 0.0.4. (Its client
// library would be a fifth of what each of our processes does before main.)
type exposition struct {
	families []*family
}

// family is all samples of one metric.
type family struct {
	name, help, kind string
	labels           []string
	samples          map[string]float64 // by their labels, as they are written
}

func (e *exposition) gauge(name, help string, labels ...string) *family {
	f := &family{name: "enishi_" + name, help: help, kind: "gauge", labels: labels, samples: map[string]float64{}}
	e.families = append(e.families, f)
	return f
}

func (e *exposition) counter(name, help string, labels ...string) *family {
	f := e.gauge(name, help, labels...)
	f.kind = "counter"
	return f
}

// add adds v to the sample with the values of the family's labels, in their order.
func (f *family) add(v float64, values ...string) {
	var pairs []string
	for i, label := range f.labels {
		pairs = append(pairs, label+`="`+escapeLabel(values[i])+`"`)
	}
	at := ""
	if len(pairs) > 0 {
		at = "{" + strings.Join(pairs, ",") + "}"
	}
	f.samples[at] += v
}

func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// WriteTo writes the families that have samples; the samples of each by their labels.
func (e *exposition) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, f := range e.families {
		if len(f.samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		var lines []string
		for at, v := range f.samples {
			lines = append(lines, f.name+at+" "+strconv.FormatFloat(v, 'g', -1, 64)+"\n")
		}
		slices.Sort(lines)
		for _, l := range lines {
			b.WriteString(l)
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}
