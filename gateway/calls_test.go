// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

// apply sends units and waits until the gateway has them.
func (w *world) apply(units ...hoststate.Unit) { w.step(hoststate.Delta{}, units...) }

func (w *world) step(d hoststate.Delta, units ...hoststate.Unit) {
	w.t.Helper()
	for _, u := range units {
		d.Set = append(d.Set, hoststate.Seal(u))
	}
	revision := w.feed.send(d)
	w.eventually(fmt.Sprintf("revision %d is reported", revision), func() error {
		if r := w.feed.last(); r.Position.Revision < revision {
			return fmt.Errorf("at %d", r.Position.Revision)
		}
		return nil
	})
}

// eventually waits for what happens soon.
func (w *world) eventually(what string, f func() error) {
	w.t.Helper()
	end := time.Now().Add(timeout)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// endpoint is an endpoint of the network at a loopback address.
func (w *world) endpoint(id, service, addr string, names ...string) *hoststate.Endpoint {
	return &hoststate.Endpoint{
		ID: id, Network: "vpc-a", VNI: 7, Account: "123456789012", Region: "ap-northeast-1", Service: service,
		Names: names, Addresses: []netip.Addr{netip.MustParseAddr(addr)}, Ports: []uint16{w.port},
	}
}

const ec2Name = "ec2.ap-northeast-1.amazonaws.com"

// withEndpoint is a world with vpc-a and its endpoint for EC2 at 127.0.1.50.
func withEndpoint(t testing.TB) (*world, *hoststate.Endpoint) {
	t.Helper()
	w := newWorld(t)
	w.port = w.network("vpc-a")
	e := w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name, "vpce-1.ec2.ap-northeast-1.vpce.amazonaws.com")
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7}, e)
	return w, e
}

// client calls from the source to the address, whatever the URL's host.
func (w *world) client(source, addr string) *http.Client {
	tr := &http.Transport{
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: w.ca.pool},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
			return d.DialContext(ctx, "tcp", addr)
		},
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: timeout}
}

// at is an address with the port of the network's listener.
func (w *world) at(addr string) string { return net.JoinHostPort(addr, fmt.Sprint(w.port)) }

// raw opens a TLS connection to the endpoint.
func (w *world) raw(addr string) *tls.Conn {
	w.t.Helper()
	c, err := tls.Dial("tcp", w.at(addr), &tls.Config{RootCAs: w.ca.pool, ServerName: ec2Name})
	w.check(err)
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(timeout))
	return c
}

// scope is an Authorization header that says whom it is for.
func scope(service string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKID/20261124/ap-northeast-1/%s/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", service)
}

// describe is a form that asks EC2 something.
const describe = "Action=DescribeAvailabilityZones&Version=2016-11-15"

func post(w *world, c *http.Client, url, service, body string) (int, http.Header, string, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewBufferString(body))
	w.check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if service != "" {
		req.Header.Set("Authorization", scope(service))
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

// gatewayStatus reads the status.
func (w *world) gatewayStatus() (s hoststate.GatewayStatus) {
	w.t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.status)
	}}}
	resp, err := c.Get("http://gateway/v1/status")
	w.check(err)
	defer resp.Body.Close()
	w.check(json.NewDecoder(resp.Body).Decode(&s))
	return s
}

// withRequests waits until the status shows n requests: they are written down
// after they are answered.
func (w *world) withRequests(n int) (s hoststate.GatewayStatus) {
	w.t.Helper()
	w.eventually("the status shows the requests", func() error {
		if s = w.gatewayStatus(); len(s.Requests) != n {
			return fmt.Errorf("%d, want %d", len(s.Requests), n)
		}
		return nil
	})
	return s
}
