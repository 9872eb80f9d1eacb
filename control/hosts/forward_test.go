// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// forwarded is a request that nobody has signed, as a gateway hands it on.
func forwarded(t *testing.T, f hoststate.Facts) string {
	t.Helper()
	b, err := hoststate.Forwarded{Method: "POST", URI: "/", Host: "ec2.ap-northeast-1.amazonaws.com", Facts: f}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestForward(t *testing.T) {
	w := newWorld(t)
	c := w.serve()
	head := func(f hoststate.Facts) string { return forwarded(t, f) }
	for name, s := range map[string]struct {
		body string
		code int
		text string
	}{
		"nothing":                          {"", 400, "the facts have no end"},
		"a head that does not end":         {strings.TrimSuffix(head(hoststate.Facts{}), "\r\n"), 400, "the head has no end"},
		"a body that is too long":          {head(hoststate.Facts{}) + strings.Repeat("x", maxForwarded), 400, "too large"},
		"a request that nobody has signed": {head(hoststate.Facts{}), 403, "MissingAuthenticationToken"},
		"facts that cannot be true":        {head(hoststate.Facts{Network: "vpc-9", Endpoint: "vpce-9", RequestID: "r-1"}), 500, "InternalError"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, text := ask(t, c, http.MethodPost, "/v1/forward", []byte(s.body)); code != s.code || !strings.Contains(text, s.text) {
				t.Errorf("%d: %s", code, text)
			}
		})
	}
}

func TestBelieve(t *testing.T) {
	w := newWorld(t)
	facts := func(network, endpoint, source string) hoststate.Facts {
		f := hoststate.Facts{Host: "local", Network: network, Endpoint: endpoint}
		if source != "" {
			f.Source = netip.MustParseAddr(source)
		}
		return f
	}
	for _, s := range []struct {
		name  string
		facts hoststate.Facts
		err   string
	}{
		{"the public entry, from anywhere", facts("", "", "192.0.2.1"), ""},
		{"an endpoint, before its host has come", facts("vpc-1", "vpce-1", "10.0.1.1"), "host local is not known"},
	} {
		t.Run(s.name, func(t *testing.T) { wantErr(t, w.Believe(s.facts), s.err) })
	}
	w.launch(1, "local")
	w.launch(2, "elsewhere")
	w.connect("abcd")
	defer w.leave("local", w.join("local", hoststate.RoleAgent, hoststate.Position{}))
	for _, s := range []struct {
		name  string
		facts hoststate.Facts
		err   string
	}{
		{"an instance of the host", facts("vpc-1", "vpce-1", "10.0.1.1"), ""},
		{"an instance of another host in the same VPC", facts("vpc-1", "vpce-1", "10.0.1.2"), ""},
		{"an address that nobody has", facts("vpc-1", "vpce-1", "10.0.1.3"), "nobody in vpc-1 has the address 10.0.1.3"},
		{"no address", facts("vpc-1", "vpce-1", ""), "nobody in vpc-1 has the address invalid IP"},
		{"another VPC", facts("vpc-2", "vpce-1", "10.0.1.1"), "host local has no endpoint vpce-1 in vpc-2"},
		{"another endpoint", facts("vpc-1", "vpce-2", "10.0.1.1"), "host local has no endpoint vpce-2 in vpc-1"},
		{"a VPC without an endpoint, and without a way out", facts("vpc-1", "", "10.0.1.1"), "host local knows no internet gateway of vpc-1"},
		{"an endpoint without a VPC", facts("", "vpce-1", "10.0.1.1"), "host local has no endpoint vpce-1 in "},
	} {
		t.Run(s.name, func(t *testing.T) { wantErr(t, w.Believe(s.facts), s.err) })
	}
	t.Run("by the VPC's internet gateway, while it is attached", func(t *testing.T) {
		w.decide(func(tx *store.Tx) { tx.Gateways.Put(vpc.InternetGateway{Meta: meta, ID: "igw-1", VPC: "vpc-1"}) })
		ec2 := "ec2.ap-northeast-1.amazonaws.com"
		wantErr(t, w.Believe(facts("vpc-1", "", "10.0.1.1")), "")
		wantErr(t, w.Believe(facts("vpc-1", "", "10.0.1.3")), "nobody in vpc-1 has the address 10.0.1.3")
		wantErr(t, w.Believe(facts("vpc-2", "", "10.0.1.1")), "host local knows no internet gateway of vpc-2")
		wantErr(t, w.Believe(facts("", ec2, "10.0.1.1")), "host local has no endpoint "+ec2+" in ")
		if names := w.namesOf("local", ec2); len(names) != 1 || names[0] != ec2 {
			t.Errorf("its certificate is for %q", names)
		}
		w.decide(func(tx *store.Tx) { tx.Gateways.Delete("igw-1") })
		wantErr(t, w.Believe(facts("vpc-1", "", "10.0.1.1")), "host local knows no internet gateway of vpc-1")
	})
	t.Run("an address counts as long as somebody has it", func(t *testing.T) {
		w.launch(3, "local")
		w.decide(func(tx *store.Tx) {
			e, _ := tx.ENIs.Get("eni-i-3")
			e.Addresses = []netip.Addr{address(1), address(4)}
			tx.ENIs.Put(e)
		})
		w.decide(func(tx *store.Tx) { tx.ENIs.Delete("eni-i-1"); tx.Instances.Delete("i-1") })
		wantErr(t, w.Believe(facts("vpc-1", "vpce-1", "10.0.1.1")), "")
		wantErr(t, w.Believe(facts("vpc-1", "vpce-1", "10.0.1.3")), "nobody in vpc-1 has the address 10.0.1.3")
		w.decide(func(tx *store.Tx) { tx.ENIs.Delete("eni-i-3"); tx.Instances.Delete("i-3") })
		w.launch(5, "local")
		wantErr(t, w.Believe(facts("vpc-1", "vpce-1", "10.0.1.1")), "nobody in vpc-1 has the address 10.0.1.1")
	})
}

func wantErr(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}
