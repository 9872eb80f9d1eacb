// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

func TestEveryReasonHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for r, words := range reasons {
		if (words == "") != (r == 0) || seen[words] {
			t.Errorf("reason %d: %q", r, words)
		}
		seen[words] = true
	}
}

func TestDropsAreCountedByNetwork(t *testing.T) {
	b := newWorld(t)
	b.do(func() {
		for range 3 {
			b.run("eni-1", to(from("eni-1", "10.0.1.10"), "198.18.0.1", 443).bytes())
		}
		b.run("eni-b", to(from("eni-b", "10.0.1.10"), "198.18.0.1", 443).bytes())
		b.run("free", to(from("eni-b", "10.0.1.10"), "198.18.0.1", 443).bytes())
	})
	got, err := b.Drops()
	if err != nil {
		t.Fatal(err)
	}
	want := []hoststate.Drop{
		{Reason: "unknown port", Packets: 1},
		{Network: "vpc-a", Reason: "no route", Packets: 3},
		{Network: "vpc-b", Reason: "no route", Packets: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestExplain(t *testing.T) {
	b := newWorld(t)
	for _, c := range []struct {
		name string
		port string
		in   frame
		want Trail
	}{
		{"both rules are named", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80),
			Trail{Verdict: "deliver", Target: "eni-2", Egress: "sgr-out4", Ingress: "sgr-http4"}},
		{"so is a rule by group", "eni-2", to(from("eni-2", "fd00:a::20"), "fd00:a::10", 9),
			Trail{Verdict: "deliver", Target: "eni-1", Egress: "sgr-out6", Ingress: "sgr-from2"}},
		{"the target refuses", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 9),
			Trail{Verdict: "drop", Reason: "security group", Target: "eni-2", Egress: "sgr-out4", Refused: "ingress"}},
		{"an endpoint", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.50", 443),
			Trail{Verdict: "deliver", Target: "eni-e", Egress: "sgr-out4", Ingress: "sgr-e4"}},
		{"a route", "eni-1", to(from("eni-1", "10.0.1.10"), "192.168.1.1", 443),
			Trail{Verdict: "deliver", Target: "eni-r", Route: "interface", Egress: "sgr-out4", Ingress: "sgr-out4"}},
		{"no route", "eni-1", to(from("eni-1", "10.0.1.10"), "198.18.0.1", 443),
			Trail{Verdict: "drop", Reason: "no route"}},
		{"a local route", "eni-1", to(from("eni-1", "10.0.1.10"), "10.0.9.9", 443),
			Trail{Verdict: "drop", Reason: "no such address", Route: "local"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.Explain(c.port, c.in.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	t.Run("the sender's own rules refuse", func(t *testing.T) {
		set := *unit[*hoststate.GroupSet]("set-1")
		set.Egress = slices.Clone(set.Egress[1:])
		b.apply(&set)
		got, err := b.Explain("eni-1", to(from("eni-1", "10.0.1.10"), "10.0.1.20", 80).bytes())
		if want := (Trail{Verdict: "drop", Reason: "security group", Target: "eni-2", Refused: "egress"}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("a port that is not there", func(t *testing.T) {
		if _, err := b.Explain("eni-no", nil); err == nil {
			t.Error("no error")
		}
	})
}

func TestProbeFindsThisKernelFit(t *testing.T) {
	needRoot(t)
	if err := Probe(); err != nil {
		t.Error(err)
	}
}
