// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ports on which serve answers.
const (
	echoPort = 7000 // TCP: gives back what it gets; UDP the same
	sinkPort = 7001 // TCP: swallows
)

// serve answers echo and sink until its stdin ends.
func serve() error {
	for port, handle := range map[int]func(net.Conn){echoPort: echo, sinkPort: sink} {
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go handle(c)
			}
		}()
	}
	u, err := net.ListenPacket("udp", ":"+strconv.Itoa(echoPort))
	if err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = u.WriteTo(buf[:n], from)
		}
	}()
	fmt.Println("serving")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

func sink(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 1<<18)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// figures are what one client run measured.
type figures struct {
	Gbits   float64 `json:"gbits"`   // one stream
	P50     float64 `json:"p50"`     // microseconds, one byte there and back
	P99     float64 `json:"p99"`     // microseconds
	Connect float64 `json:"connect"` // connect, one byte there and back, close: per second
}

// measure runs the three loads against a server at host, each for d.
func measure(host string, d time.Duration) (figures, error) {
	var f figures
	gbits, err := stream(host, d)
	if err != nil {
		return f, err
	}
	rtts, err := roundTrips(host, d)
	if err != nil {
		return f, err
	}
	rate, err := connects(host, d)
	return figures{gbits, quantile(rtts, 0.5), quantile(rtts, 0.99), rate}, err
}

func stream(host string, d time.Duration) (float64, error) {
	c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(sinkPort)))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	buf := make([]byte, 1<<18)
	total, begun := 0, time.Now()
	for time.Since(begun) < d {
		n, err := c.Write(buf)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return float64(total) * 8 / time.Since(begun).Seconds() / 1e9, nil
}

func roundTrips(host string, d time.Duration) ([]float64, error) {
	c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(echoPort)))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var us []float64
	b := []byte{1}
	for begun := time.Now(); time.Since(begun) < d; {
		t := time.Now()
		if err := ping(c, b); err != nil {
			return nil, err
		}
		us = append(us, float64(time.Since(t).Nanoseconds())/1e3)
	}
	return us, nil
}

func ping(c net.Conn, b []byte) error {
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(c, b)
	return err
}

func connects(host string, d time.Duration) (float64, error) {
	n, begun := 0, time.Now()
	b := []byte{1}
	for time.Since(begun) < d {
		c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(echoPort)))
		if err != nil {
			return 0, err
		}
		if err := ping(c, b); err != nil {
			return 0, err
		}
		// No TIME_WAIT: the ports of one client would be used up.
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
		n++
	}
	return float64(n) / time.Since(begun).Seconds(), nil
}

// quantile is the q-quantile of xs, which it sorts.
func quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[min(len(xs)-1, int(q*float64(len(xs))))]
}

// probe reads targets from stdin, a line each, and answers each with the time
// (Unix nanoseconds) at which it was first reached, polled every millisecond:
//
//	https ADDRESS NAME    an HTTP answer over verified TLS
//	udp ADDRESS           a datagram there and back
//	noudp ADDRESS         no answer within five milliseconds
func probe() error {
	d := json.NewDecoder(os.Stdin)
	for {
		var line string
		if err := d.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		f := strings.Fields(line)
		reached := map[string]func([]string) bool{"https": https, "udp": udp, "noudp": func(f []string) bool { return !udp(f) }}[f[0]]
		begun, at := time.Now(), time.Now()
		for !reached(f) {
			if time.Since(begun) > 10*time.Second {
				return fmt.Errorf("%s: not within 10 s", line)
			}
			time.Sleep(time.Millisecond)
			at = time.Now()
		}
		if f[0] != "noudp" { // there the try itself is the wait for nothing
			at = time.Now()
		}
		fmt.Println(at.UnixNano())
	}
}

func https(f []string) bool {
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		return false
	}
	raw, err := net.DialTimeout("tcp", net.JoinHostPort(f[1], "443"), 20*time.Millisecond)
	if err != nil {
		return false
	}
	c := tls.Client(raw, &tls.Config{ServerName: f[2], RootCAs: pool})
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	t := http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: &t}).Get("https://" + f[2] + "/")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true // any answer is one
}

func udp(f []string) bool {
	c, err := net.Dial("udp", net.JoinHostPort(f[1], strconv.Itoa(echoPort)))
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Millisecond))
	return ping(c, []byte{1}) == nil
}
