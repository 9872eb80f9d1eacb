// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/cmd/parts"
)

// selfSigned is a certificate of its own authority.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// echoName answers every line with who asks, by its certificate.
func echoName(c net.Conn) {
	defer c.Close()
	for in := bufio.NewScanner(c); in.Scan(); {
		fmt.Fprintf(c, "%s said %s\n", c.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName, in.Text())
	}
}

func TestTheRelaySaysWhoSpeaks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: becomes other users")
	}
	raiseLoopback(t)
	own := selfSigned(t, "control")
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	reserved.Close() // control is not there yet
	as := func(name string) *tls.Config {
		return &tls.Config{RootCAs: roots, ServerName: "control", Certificates: []tls.Certificate{selfSigned(t, name)}}
	}
	r := &relay{control: address, as: map[int]*tls.Config{0: as("agent"), parts.GatewayUID: as("gateway")}, log: slog.New(slog.DiscardHandler)}
	socket := "@" + t.TempDir() // no file: others could not walk to it
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx, l) }()
	early := connectAs(t, socket, 0)
	fmt.Fprintln(early, "early")
	control, err := tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	go func() {
		for {
			c, err := control.Accept()
			if err != nil {
				return
			}
			go echoName(c)
		}
	}()
	wantLine(t, early, "agent said early")
	for _, s := range []struct {
		who  string
		uid  int
		want string
	}{{"root", 0, "agent said hello"}, {"the gateway's user", parts.GatewayUID, "gateway said hello"}, {"a stranger", 4711, ""}} {
		c := connectAs(t, socket, s.uid)
		fmt.Fprintln(c, "hello")
		wantLine(t, c, s.want)
		c.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := early.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection outlives the relay: %v", err)
	}
}

func wantLine(t *testing.T, c net.Conn, want string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewScanner(c)
	in.Scan()
	if in.Text() != want {
		t.Errorf("want %q, got %q, %v", want, in.Text(), in.Err())
	}
}

// connectAs connects as another user: one thread takes his place, and ends.
func connectAs(t *testing.T, socket string, uid int) (c net.Conn) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
			done <- e
			return
		}
		var err error
		c, err = net.Dial("unix", socket)
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c
}
