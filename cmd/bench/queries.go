// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"

	"enishi.dev/enishi/netns"
)

const (
	queryWindow  = 32 // queries of one asker that wait for answers
	askersAtOnce = 4
)

// queries asks SERVER@NAME@ADDRESS@NAMESPACE,… for the address of the name, as fast
// as answers come. An interface may ask its resolver 1,024 times a second, as AWS's
// may, and dnsperf asks from one: here each asker goes from one network namespace to
// the next. It gives the answers a second that hold the address.
func queries(target string, d time.Duration) (float64, error) {
	f := strings.Split(target, "@")
	if len(f) != 4 {
		return 0, errors.New("want SERVER@NAME@ADDRESS@NAMESPACE,…")
	}
	q := new(dns.Msg).SetQuestion(f[1]+".", dns.TypeA)
	packet, err := q.Pack()
	if err != nil {
		return 0, err
	}
	all := make([]asker, askersAtOnce)
	for i, path := range strings.Split(f[3], ",") {
		c, err := socketIn(path)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		a := &all[i%len(all)]
		a.conns = append(a.conns, c)
	}
	var running errgroup.Group
	end := time.Now().Add(d)
	for i := range all {
		a := &all[i]
		a.server, a.packet, a.want = &net.UDPAddr{IP: net.ParseIP(f[0]), Port: 53}, packet, net.ParseIP(f[2]).To4()
		running.Go(func() error { return a.ask(end) })
	}
	err = running.Wait()
	answered := 0
	for _, a := range all {
		answered += a.answered
	}
	if err == nil && answered == 0 {
		err = fmt.Errorf("%s does not answer", f[0])
	}
	return float64(answered) / d.Seconds(), err
}

// socketIn makes a socket in the namespace at the path.
func socketIn(path string) (c *net.UDPConn, err error) {
	n, err := netns.Open(path)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	err = n.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", nil)
		return err
	})
	return c, err
}

// asker asks from one socket after the other.
type asker struct {
	conns    []*net.UDPConn
	server   *net.UDPAddr
	packet   []byte
	want     net.IP
	answered int
}

// ask fills a window at each socket in turn and waits until it is answered, until the
// end. What is not answered within 100 ms is lost.
func (a *asker) ask(end time.Time) error {
	out, in := make([]ipv4.Message, queryWindow), make([]ipv4.Message, queryWindow)
	for i := range out {
		out[i] = ipv4.Message{Buffers: [][]byte{append([]byte(nil), a.packet...)}, Addr: a.server}
		binary.BigEndian.PutUint16(out[i].Buffers[0], uint16(i))
		in[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 2048)}}
	}
	for turn := 0; len(a.conns) > 0 && time.Now().Before(end); turn++ {
		c := a.conns[turn%len(a.conns)]
		p := ipv4.NewPacketConn(c)
		for rest := out; len(rest) > 0; {
			n, err := p.WriteBatch(rest, 0)
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		for left := queryWindow; left > 0; {
			n, err := p.ReadBatch(in[:left], 0)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			for _, m := range in[:n] {
				if err := a.check(m.Buffers[0][:m.N]); err != nil {
					return err
				}
			}
			left -= n
			a.answered += n
		}
	}
	return nil
}

// check wants an answer that ends with the address, and cheaply: the load is not
// what is measured.
func (a *asker) check(answer []byte) error {
	const rcode, answers = 3, 7
	if len(answer) < len(a.packet)+16 || answer[rcode]&0xF != 0 || answer[answers] != 1 {
		return fmt.Errorf("%s answers %x", a.server, answer)
	}
	if got := net.IP(answer[len(answer)-4:]); !got.Equal(a.want) {
		return fmt.Errorf("%s answers %s, want %s", a.server, got, a.want)
	}
	return nil
}
