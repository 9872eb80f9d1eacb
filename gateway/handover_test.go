// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

var handovers = []struct{ name, message, err string }{
	{"a listener", `{"network":"vpc-a","vni":7,"kind":"tcp"}`, ""},
	{"a resolver's socket", `{"network":"vpc-a","vni":7,"kind":"udp53"}`, ""},
	{"a network that goes", `{"network":"vpc-a","vni":7,"kind":"tcp","gone":true}`, ""},
	{"a network that goes, in short", `{"gone":true,"network":"vpc-a"}`, ""},
	{"nothing", ``, "EOF"},
	{"no JSON", `vpc-a`, "invalid character"},
	{"no network", `{"kind":"tcp"}`, "names no network"},
	{"a kind that is not known", `{"network":"vpc-a","kind":"udp123"}`, `kind "udp123"`},
	{"a field that is not known", `{"network":"vpc-a","kind":"tcp","mark":1}`, "unknown field"},
	{"a number out of range", `{"network":"vpc-a","vni":-1,"kind":"tcp"}`, "cannot unmarshal"},
}

func TestParseHandover(t *testing.T) {
	for _, tt := range handovers {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseHandover([]byte(tt.message))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzHandover(f *testing.F) {
	for _, tt := range handovers {
		f.Add([]byte(tt.message))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHandover(b)
		if err == nil && h.Network == "" {
			t.Errorf("%q is taken without a network", b)
		}
	})
}

func TestBadHandoversChangeNothing(t *testing.T) {
	w, _ := withEndpoint(t)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	w.agent <- message{`{"network":"vpc-a","vni":7,"kind":"tcp"}`, null}
	w.agent <- message{`{"network":"vpc-a","vni":7,"kind":"tcp"}`, nil}
	w.agent <- message{`nonsense`, nil}
	w.agent <- message{strings.Repeat("x", 5000), nil}
	w.agent <- message{`{"network":"vpc-other","vni":8,"kind":"tcp","gone":true}`, nil}
	w.eventually("all are refused", func() error {
		if n := strings.Count(w.log.String(), "hand-over refused"); n != 4 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	w.raw("127.0.1.50")
}

func TestAnotherSocketTakesThePlaceOfTheFirst(t *testing.T) {
	w, e := withEndpoint(t)
	open := w.raw("127.0.1.50")
	w.eventually("the second port is served", func() error { return nil })
	first := w.port
	w.port = w.network("vpc-a")
	moved := *e
	moved.Ports = []uint16{first, w.port}
	w.apply(&moved)
	w.raw("127.0.1.50")
	w.eventually("the first one is closed", func() error {
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 1, 50), Port: int(first)})
		if err == nil {
			c.Close()
			return errors.New("it is open")
		}
		return nil
	})
	if _, err := open.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Error(err)
	}
	if n, err := open.Read(make([]byte, 1)); n != 1 {
		t.Errorf("a connection of the first one has ended: %v", err)
	}
}

func TestANetworkGoes(t *testing.T) {
	for _, tt := range []struct {
		name string
		goes func(w *world)
	}{
		{"when the agent says so", func(w *world) { w.agent <- message{`{"network":"vpc-a","gone":true}`, nil} }},
		{"when its unit is gone", func(w *world) {
			w.step(hoststate.Delta{Gone: []hoststate.Key{{Kind: hoststate.KindNetwork, ID: "vpc-a"}}})
		}},
		{"when a full state lacks it", func(w *world) { w.step(hoststate.Delta{Full: true}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := withEndpoint(t)
			tt.goes(w)
			w.eventually("the listener is closed", func() error {
				c, err := net.Dial("tcp", w.at("127.0.1.50"))
				if err == nil {
					c.Close()
					return errors.New("it is open")
				}
				return nil
			})
		})
	}
	t.Run("but not before the feed has named it", func(t *testing.T) {
		w := newWorld(t)
		w.port = w.network("vpc-a")
		w.apply()
		w.step(hoststate.Delta{Full: true})
		if got := call(w, w.at("127.0.1.50")); got != "reset" {
			t.Errorf("the listener is not served: %s", got)
		}
	})
}

func TestDNS(t *testing.T) {
	w, e := withEndpoint(t)
	c, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	port := c.LocalAddr().(*net.UDPAddr).Port
	c.Close()
	w.agent <- message{`{"network":"vpc-a","vni":7,"kind":"udp53"}`, f}
	resolver := netip.MustParseAddr("127.0.0.2")
	w.apply(
		&hoststate.Network{ID: "vpc-a", VNI: 7, Resolver: []netip.Addr{resolver}},
		&hoststate.Name{Network: "vpc-a", Zone: ec2Name, Name: ec2Name, TTL: 60, Addresses: e.Addresses},
	)
	q := new(mdns.Msg).SetQuestion(ec2Name+".", mdns.TypeA)
	client := mdns.Client{Timeout: timeout}
	m, _, err := client.Exchange(q, fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "127.0.1.50") {
		t.Errorf("answer %v", m)
	}
	if got := w.gatewayStatus().Queries["NOERROR"]; got != 1 {
		t.Errorf("%d queries counted, want 1", got)
	}
	w.agent <- message{`{"network":"vpc-a","gone":true}`, nil}
	w.eventually("the resolver is gone", func() error {
		client.Timeout = 20 * time.Millisecond
		if _, _, err := client.Exchange(q, fmt.Sprintf("127.0.0.2:%d", port)); err == nil {
			return errors.New("it answers")
		}
		return nil
	})
}
