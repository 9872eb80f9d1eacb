// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// queryWindow is how many queries of a client wait for answers.
const queryWindow = 32

// queries asks SERVER@NAME@ADDRESS@SOURCES for the address of the name, as fast as
// answers come, from all addresses of the instance in turn, of which there are to be
// so many: a resolver answers one address 1,024 times a second, as AWS's does, and
// dnsperf asks from one. It gives the answers a second that hold the address.
func queries(target string, d time.Duration) (float64, error) {
	f := strings.Split(target, "@")
	if len(f) != 4 {
		return 0, errors.New("want SERVER@NAME@ADDRESS@SOURCES")
	}
	sources, err := ownAddresses(f[3])
	if err != nil {
		return 0, err
	}
	q := new(dns.Msg).SetQuestion(f[1]+".", dns.TypeA)
	packet, err := q.Pack()
	if err != nil {
		return 0, err
	}
	a := asker{server: &net.UDPAddr{IP: net.ParseIP(f[0]), Port: 53}, packet: packet, want: net.ParseIP(f[2]).To4(), sources: sources, end: time.Now().Add(d)}
	if err := a.ask(); err != nil {
		return 0, err
	}
	if a.answered == 0 {
		return 0, fmt.Errorf("%s does not answer", f[0])
	}
	return float64(a.answered) / d.Seconds(), nil
}

// ownAddresses waits until the instance has as many as it is to have.
func ownAddresses(count string) (ips []net.IP, err error) {
	want, err := strconv.Atoi(count)
	for end := time.Now().Add(10 * time.Second); err == nil && len(ips) < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, fmt.Errorf("the instance has %d addresses, want %d", len(ips), want)
		}
		var all []net.Addr
		all, err = net.InterfaceAddrs()
		ips = ips[:0]
		for _, a := range all {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
				ips = append(ips, n.IP)
			}
		}
	}
	return ips, err
}

// asker is one client.
type asker struct {
	server   *net.UDPAddr
	packet   []byte
	want     net.IP
	sources  []net.IP
	end      time.Time
	turn     int // of the sources
	answered int
}

// ask keeps the window full until the end. What is not answered within 100 ms is
// lost, and asked again.
func (a *asker) ask() error {
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	p := ipv4.NewPacketConn(c)
	out, in := make([]ipv4.Message, queryWindow), make([]ipv4.Message, queryWindow)
	for i := range out {
		out[i] = ipv4.Message{Buffers: [][]byte{append([]byte(nil), a.packet...)}, Addr: a.server}
		in[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 2048)}}
	}
	for free := queryWindow; time.Now().Before(a.end); {
		for i := range out[:free] {
			a.turn++
			binary.BigEndian.PutUint16(out[i].Buffers[0], uint16(a.turn))
			out[i].OOB = (&ipv4.ControlMessage{Src: a.sources[a.turn%len(a.sources)]}).Marshal()
		}
		for sent := 0; sent < free; {
			n, err := p.WriteBatch(out[sent:free], 0)
			if err != nil {
				return err
			}
			sent += n
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		free, err = p.ReadBatch(in, 0)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			free = queryWindow
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range in[:free] {
			if err := a.check(m.Buffers[0][:m.N]); err != nil {
				return err
			}
		}
		a.answered += free
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
