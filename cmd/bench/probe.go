// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// patience is how long a probe tries before it gives up.
const patience = 10 * time.Second

// probe reads targets from stdin, a line each, and answers each with the time
// (Unix nanoseconds) since when it holds, tried every millisecond:
//
//	https ADDRESS NAME    an HTTP answer over verified TLS has come
//	udp ADDRESS           a datagram has come back
//	noudp ADDRESS         datagrams sent from then on do not come back
func probe() error {
	// Once, and not for each try: the bundle has the system's roots too, and takes
	// nearly ten milliseconds.
	pem, err := os.ReadFile(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("AWS_CA_BUNDLE holds no certificate")
	}
	return help(func(line string) (any, error) {
		f := strings.Fields(line)
		var at time.Time
		switch f[0] {
		case "https":
			at = firstAnswer(f[1], f[2], roots)
		case "udp":
			at = firstBack(f[1])
		case "noudp":
			at = firstLost(f[1])
		}
		if at.IsZero() {
			return nil, fmt.Errorf("%s: not within %v", line, patience)
		}
		return at.UnixNano(), nil
	})
}

func firstAnswer(address, name string, roots *x509.CertPool) time.Time {
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
		if https(address, name, roots) {
			return time.Now()
		}
	}
	return time.Time{}
}

func https(address, name string, roots *x509.CertPool) bool {
	// A SYN that is dropped would be sent again after a second only.
	raw, err := net.DialTimeout("tcp", net.JoinHostPort(address, "443"), 5*time.Millisecond)
	if err != nil {
		return false
	}
	c := tls.Client(raw, &tls.Config{ServerName: name, RootCAs: roots})
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	t := http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: &t}).Get("https://" + name + "/")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true // any answer is one
}

// datagram is one that was sent; back is zero if it did not come back.
type datagram struct{ sent, back time.Time }

// overdue is when a datagram counts as lost.
const overdue = 20 * time.Millisecond

// datagrams sends one every millisecond, each from a port of its own and so a new
// flow, and yields what became of them, in order, until yield has enough.
func datagrams(address string, yield func(datagram) bool) {
	sent, enough := make(chan chan datagram, 1<<14), make(chan struct{})
	defer close(enough)
	go func() {
		for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
			select {
			case <-enough:
				return
			default:
			}
			one := make(chan datagram, 1)
			sent <- one
			go func() { one <- there(address) }()
		}
		close(sent)
	}()
	for one := range sent {
		if !yield(<-one) {
			return
		}
	}
}

func there(address string) datagram {
	d := datagram{sent: time.Now()}
	c, err := net.Dial("udp", net.JoinHostPort(address, strconv.Itoa(echoPort)))
	if err != nil {
		return d
	}
	defer c.Close()
	_ = c.SetDeadline(d.sent.Add(overdue))
	if ping(c, []byte{1}) == nil {
		d.back = time.Now()
	}
	return d
}

func firstBack(address string) (at time.Time) {
	datagrams(address, func(d datagram) bool {
		at = d.back
		return at.IsZero()
	})
	return at
}

// firstLost wants five in a row: one alone may only be late on a busy machine.
func firstLost(address string) (at time.Time) {
	lost := 0
	var since time.Time
	datagrams(address, func(d datagram) bool {
		if !d.back.IsZero() {
			lost = 0
			return true
		}
		if lost++; lost == 1 {
			since = d.sent
		}
		if lost == 5 {
			at = since
		}
		return lost < 5
	})
	return at
}
