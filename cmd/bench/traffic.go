// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
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

// loads are what a client measures against a server at host, for d.
var loads = map[string]func(host string, d time.Duration) (float64, error){
	"stream":    stream,     // Gbit/s
	"roundtrip": roundTrips, // median, microseconds, one byte there and back
	"connect":   connects,   // connect, one byte there and back, close: per second
	"tls-kept":  tlsRequests(true),
	"tls-new":   tlsRequests(false),
	"queries":   queries,
	"calls":     calls,
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

func roundTrips(host string, d time.Duration) (float64, error) {
	c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(echoPort)))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var us []float64
	b := []byte{1}
	for begun := time.Now(); time.Since(begun) < d; {
		t := time.Now()
		if err := ping(c, b); err != nil {
			return 0, err
		}
		us = append(us, float64(time.Since(t).Nanoseconds())/1e3)
	}
	return quantile(us, 0.5), nil
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

// quantile is the smallest of xs, which it sorts, that is not exceeded by q of them.
func quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[max(1, int(math.Ceil(q*float64(len(xs)))))-1]
}
