// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// asking is a key that says when it signs.
type asking struct {
	*ecdsa.PrivateKey
	signs func()
}

func (a asking) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	a.signs()
	return a.PrivateKey.Sign(r, digest, o)
}

// signer is a certificate whose key says when it signs.
func signer(t *testing.T, signs func()) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := newCertificate("vpce-1", nil, nil)
	c.set(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: asking{key, signs}})
	return c
}

func TestTheCostlyHalfOfAHandshakeIsInTheSourcesTurn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		max    uint16
		curves []tls.CurveID // that the server knows: the client brings no share for P-384
		again  bool          // it has a ticket
	}{
		{"TLS 1.3", tls.VersionTLS13, nil, false},
		{"TLS 1.3 with a hello that is asked for again", tls.VersionTLS13, []tls.CurveID{tls.CurveP384}, false},
		{"TLS 1.3 with a ticket", tls.VersionTLS13, nil, true},
		{"TLS 1.3 with a ticket and a hello that is asked for again", tls.VersionTLS13, []tls.CurveID{tls.CurveP384}, true},
		{"TLS 1.2", tls.VersionTLS12, nil, false},
		{"TLS 1.2 with a ticket", tls.VersionTLS12, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turns, open, signed := 0, false, 0
			config := serverConfig(signer(t, func() {
				if signed++; !open {
					t.Error("it signs out of turn")
				}
			}))
			config.MaxVersion, config.CurvePreferences = tt.max, tt.curves
			caller := &tls.Config{InsecureSkipVerify: true, ServerName: "x", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			for n := range 2 {
				if n == 1 && !tt.again {
					break
				}
				here, there := connected(t)
				served := &conn{TCPConn: here, leave: func() {}, turn: func(context.Context) (func(), error) {
					turns, open = turns+1, true
					return func() { open = false }, nil
				}}
				ended := make(chan error, 1)
				go func() {
					defer there.Close()
					client := tls.Client(there, caller)
					_, err := client.Read(make([]byte, 1)) // a ticket comes with the first byte
					if got := client.ConnectionState(); got.DidResume != (n == 1) {
						t.Errorf("with a ticket: %t", got.DidResume)
					}
					ended <- err
				}()
				server := tls.Server(served, config)
				if err := server.Handshake(); err != nil {
					t.Fatal(err)
				}
				if open || turns != n+1 {
					t.Errorf("after the handshake its turn has not ended, of %d", turns)
				}
				if got := server.ConnectionState(); got.HelloRetryRequest != (tt.curves != nil) {
					t.Errorf("the hello was asked for again: %t", got.HelloRetryRequest)
				}
				server.Write([]byte("x"))
				if err := <-ended; err != nil {
					t.Error(err)
				}
				server.Close()
			}
			if signed != 1 {
				t.Errorf("it has signed %d times", signed)
			}
		})
	}
}

// leaving is a connection that ends when its second hello is to be sent.
type leaving struct {
	net.Conn
	sent *int
}

func (l leaving) Write(b []byte) (int, error) {
	if *l.sent++; *l.sent > 1 {
		l.Close()
	}
	return l.Conn.Write(b)
}

func TestWhoGoesInsteadOfSayingHelloAgainEndsTheTurn(t *testing.T) {
	config := serverConfig(signer(t, func() {}))
	config.CurvePreferences = []tls.CurveID{tls.CurveP384}
	here, there := connected(t)
	defer here.Close()
	ended := 0
	served := &conn{TCPConn: here, leave: func() {}, turn: func(context.Context) (func(), error) { return func() { ended++ }, nil }}
	gone := make(chan error, 1)
	go func() {
		gone <- tls.Client(leaving{there, new(int)}, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}()
	if err := tls.Server(served, config).Handshake(); err == nil || <-gone == nil {
		t.Error("they have shaken hands")
	}
	if ended != 1 {
		t.Errorf("the turn has ended %d times", ended)
	}
}

// connected returns both ends of a connection.
func connected(t *testing.T) (here, there *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return accepted.(*net.TCPConn), dialled.(*net.TCPConn)
}
