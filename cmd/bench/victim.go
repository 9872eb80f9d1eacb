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
	"time"

	"github.com/miekg/dns"
)

// What a victim does, in turn.
var services = []string{"request/response", "DNS", "HTTPS", "HTTPS, new connection"}

// suffered is what became of it, by services.
type suffered struct {
	Took   [][]float64 // microseconds
	Failed []int
}

// giveUp is how long a victim waits for an answer; one that does not come counts as long.
const giveUp = 2 * time.Second

// victimMain is `bench victim PEER RESOLVER ENDPOINT NAME CA`: for each duration that
// it reads from stdin it uses all services so long, and says what it suffered.
func victimMain(args []string) error {
	if len(args) != 5 {
		return errors.New("usage: victim PEER RESOLVER ENDPOINT NAME CA")
	}
	ca, err := os.ReadFile(args[4])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	v := &victim{peer: net.JoinHostPort(args[0], strconv.Itoa(echoPort)), resolver: net.JoinHostPort(args[1], "53"), name: args[3]}
	for i, kept := range []bool{true, false} {
		v.https[i] = &http.Client{Timeout: giveUp, Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: v.name}}
				return dialer.DialContext(ctx, "tcp", net.JoinHostPort(args[2], "443"))
			},
			DisableKeepAlives: !kept,
		}}
	}
	return help(func(line string) (any, error) {
		d, err := time.ParseDuration(line)
		if err != nil {
			return nil, err
		}
		return v.suffer(d), nil
	})
}

type victim struct {
	peer, resolver, name string
	echo                 net.Conn
	https                [2]*http.Client // kept and new connections
}

func (v *victim) suffer(d time.Duration) suffered {
	s := suffered{Took: make([][]float64, len(services)), Failed: make([]int, len(services))}
	for begun := time.Now(); time.Since(begun) < d; time.Sleep(time.Millisecond) {
		for i, use := range []func() error{v.there, v.query, func() error { return oneRequest(v.https[0], v.name) }, func() error { return oneRequest(v.https[1], v.name) }} {
			t := time.Now()
			err := use()
			us := float64(time.Since(t).Microseconds())
			if err != nil {
				us = max(us, float64(giveUp.Microseconds()))
				s.Failed[i]++
				fmt.Fprintln(os.Stderr, "  victim:", services[i]+":", err)
			}
			s.Took[i] = append(s.Took[i], us)
		}
	}
	return s
}

// there sends a byte to the peer, by the connection that is kept, and has it back.
func (v *victim) there() (err error) {
	if v.echo == nil {
		if v.echo, err = net.DialTimeout("tcp", v.peer, giveUp); err != nil {
			return err
		}
	}
	_ = v.echo.SetDeadline(time.Now().Add(giveUp))
	if err = ping(v.echo, []byte{1}); err != nil {
		v.echo.Close()
		v.echo = nil
	}
	return err
}

func (v *victim) query() error {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(v.name), dns.TypeA)
	r, _, err := (&dns.Client{Timeout: giveUp}).Exchange(m, v.resolver)
	if err == nil && len(r.Answer) == 0 {
		err = fmt.Errorf("no address: %s", dns.RcodeToString[r.Rcode])
	}
	return err
}
