// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
)

func TestEndpointAnswers(t *testing.T) {
	w, _ := withEndpoint(t)
	status, header, body, err := post(w, w.client("127.0.0.10", w.at("127.0.1.50")), "https://"+ec2Name+"/", "ec2", describe)
	if err != nil {
		t.Fatal(err)
	}
	f := w.last()
	if status != 200 || body != "<answer>"+describe+"</answer>" || header.Get("X-Amzn-Requestid") != f.Facts.RequestID || len(f.Facts.RequestID) != 36 {
		t.Errorf("status %d, request id %q, body %s", status, header.Get("X-Amzn-Requestid"), body)
	}
	want := hoststate.Facts{RequestID: f.Facts.RequestID, Network: "vpc-a", Endpoint: "vpce-1", Source: netip.MustParseAddr("127.0.0.10"), TLS: true}
	if diff := cmp.Diff(want, f.Facts, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("facts: -want +got\n%s", diff)
	}
	t.Run("the status shows it", func(t *testing.T) {
		s := w.withRequests(1)
		q := s.Requests[0]
		got := fmt.Sprintf("%t %s %s %s %s %s %d", q.ID == f.Facts.RequestID, q.Network, q.Endpoint, q.Source, q.Service, q.Action, q.Status)
		if want := "true vpc-a vpce-1 127.0.0.10 ec2 DescribeAvailabilityZones 200"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestCertificates(t *testing.T) {
	w, e := withEndpoint(t)
	shown := func(t *testing.T, name string) []string {
		t.Helper()
		c, err := tls.Dial("tcp", w.at("127.0.1.50"), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].DNSNames
	}
	for _, name := range []string{ec2Name, "vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com", "other.example.com", ""} {
		t.Run(fmt.Sprintf("whoever asks for %q sees the endpoint's", name), func(t *testing.T) {
			if diff := cmp.Diff(e.Names, shown(t, name)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	t.Run("with other names it gets another", func(t *testing.T) {
		e2 := *e
		e2.Names = e.Names[1:]
		w.apply(&e2)
		w.eventually("the certificate is another", func() error {
			if got := shown(t, ""); !slices.Equal(got, e2.Names) {
				return fmt.Errorf("names %v", got)
			}
			return nil
		})
	})
	t.Run("what control refuses is reported, and taken back", func(t *testing.T) {
		refused := func() string {
			w.feed.mu.Lock()
			defer w.feed.mu.Unlock()
			return w.feed.refusals["endpoint/vpce-2"]
		}
		w.set(func() { w.signs = func(string) bool { return false } })
		w.apply(w.endpoint("vpce-2", "sts", "127.0.1.51", "sts.ap-northeast-1.amazonaws.com"))
		w.eventually("a report", func() error {
			if !strings.Contains(refused(), "not for you") {
				return errors.New(refused())
			}
			return nil
		})
		w.set(func() { w.signs = func(string) bool { return true } })
		w.eventually("it is taken back", func() error {
			if refused() != "" {
				return errors.New(refused())
			}
			return nil
		})
	})
	t.Run("it is renewed before it ends", func(t *testing.T) {
		w.ca.mu.Lock()
		w.ca.life = 0 // at two thirds of its second
		w.ca.mu.Unlock()
		w.apply(w.endpoint("vpce-3", "sts", "127.0.1.52", "x.example.com"))
		before := func() int64 { w.ca.mu.Lock(); defer w.ca.mu.Unlock(); return w.ca.signed }()
		w.eventually("another is signed", func() error {
			w.ca.mu.Lock()
			defer w.ca.mu.Unlock()
			if w.ca.signed < before+2 {
				return errors.New("not yet")
			}
			return nil
		})
	})
}

// outcome is what became of a connection that waits for bytes.
func outcome(c net.Conn) string {
	_, err := c.Read(make([]byte, 1))
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.EOF):
		return "closed"
	}
	return fmt.Sprint("other: ", err)
}

// call dials and says what becomes of the connection.
func call(w *world, addr string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		if errors.Is(err, syscall.ECONNRESET) {
			return "reset"
		}
		return err.Error()
	}
	defer c.Close()
	return outcome(c)
}

func TestWhereNothingAnswers(t *testing.T) {
	w, e := withEndpoint(t)
	other := *e
	other.ID, other.Addresses, other.Ports = "vpce-other", []netip.Addr{netip.MustParseAddr("127.0.1.60")}, []uint16{1}
	w.apply(&other)
	for _, tt := range []struct{ name, addr string }{
		{"an address without an endpoint", "127.0.1.99"},
		{"a port that an endpoint does not answer", "127.0.1.60"},
	} {
		t.Run(tt.name+" resets", func(t *testing.T) {
			if got := call(w, w.at(tt.addr)); got != "reset" {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("an endpoint of another network does not answer here", func(t *testing.T) {
		foreign := *e
		foreign.ID, foreign.Network, foreign.Addresses = "vpce-b", "vpc-b", []netip.Addr{netip.MustParseAddr("127.0.1.61")}
		w.apply(&foreign)
		if got := call(w, w.at("127.0.1.61")); got != "reset" {
			t.Errorf("got %s", got)
		}
	})
}

func TestAPublicServiceAnswersEveryNetwork(t *testing.T) {
	w, e := withEndpoint(t)
	public := *e
	public.ID, public.Network, public.VNI, public.Names = "public", "", 0, []string{"public.example"}
	public.Addresses = []netip.Addr{netip.MustParseAddr("127.0.1.70"), e.Addresses[0]}
	w.apply(&public)
	ask := func(addr, name string) hoststate.Facts {
		t.Helper()
		status, _, _, err := post(w, w.client("127.0.0.10", w.at(addr)), "https://"+name+"/", "ec2", describe)
		if err != nil || status != 200 {
			t.Fatal(status, err)
		}
		f := w.last().Facts
		f.RequestID = ""
		return f
	}
	want := hoststate.Facts{Network: "vpc-a", Source: netip.MustParseAddr("127.0.0.10"), TLS: true}
	if got := ask("127.0.1.70", "public.example"); got != want {
		t.Errorf("it is told of %+v, want %+v", got, want)
	}
	want.Endpoint = "vpce-1"
	if got := ask(e.Addresses[0].String(), ec2Name); got != want {
		t.Errorf("where an endpoint of the network's own is, %+v is told, want %+v", got, want)
	}
	w.step(hoststate.Delta{Gone: []hoststate.Key{public.Key()}})
	if got := call(w, w.at("127.0.1.70")); got != "reset" {
		t.Errorf("once it is gone: %s", got)
	}
}

func TestEndpointCloses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world, e *hoststate.Endpoint)
		closed bool // is reported
	}{
		{"closing", func(w *world, e *hoststate.Endpoint) { c := *e; c.Closing = true; w.apply(&c) }, true},
		{"gone", func(w *world, e *hoststate.Endpoint) { w.step(hoststate.Delta{Gone: []hoststate.Key{e.Key()}}) }, false},
		{"gone from a full state", func(w *world, e *hoststate.Endpoint) {
			w.step(hoststate.Delta{Full: true}, &hoststate.Network{ID: "vpc-a", VNI: 7})
		}, false},
		{"without that address", func(w *world, e *hoststate.Endpoint) {
			c := *e
			c.Addresses = []netip.Addr{netip.MustParseAddr("127.0.1.51")}
			w.apply(&c)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, e := withEndpoint(t)
			bystander := *e
			bystander.ID, bystander.Addresses = "vpce-2", []netip.Addr{netip.MustParseAddr("127.0.1.70")}
			if tt.name != "gone from a full state" {
				w.apply(&bystander)
			}
			idle := w.raw("127.0.1.50")
			busy := make(chan error, 1)
			inside := make(chan struct{})
			w.set(func() {
				w.answer = func(_ http.ResponseWriter, r *http.Request, _ forwarded) { close(inside); <-r.Context().Done() }
			})
			go func() {
				_, _, _, err := post(w, w.client("127.0.0.10", w.at("127.0.1.50")), "https://"+ec2Name+"/", "ec2", describe)
				busy <- err
			}()
			<-inside
			tt.change(w, e)
			if got := outcome(idle.NetConn()); got != "reset" {
				t.Errorf("an idle connection was not reset: %s", got)
			}
			if err := <-busy; !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a busy connection was not reset: %v", err)
			}
			if got := call(w, w.at("127.0.1.50")); got != "reset" {
				t.Errorf("a new connection was not reset: %s", got)
			}
			if tt.closed {
				w.eventually("it is reported", func() error {
					if !w.feed.isClosed(e.ID) {
						return errors.New("it is not")
					}
					return nil
				})
			}
			if tt.name != "gone from a full state" {
				w.raw("127.0.1.70") // the other one still answers
			}
		})
	}
}
