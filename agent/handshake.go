// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
)

var probeAddresses = []netip.Prefix{
	netip.PrefixFrom(datapath.ProbeAddr4, datapath.ProbeAddr4.BitLen()),
	netip.PrefixFrom(datapath.ProbeAddr6, datapath.ProbeAddr6.BitLen()),
}

// target is one name at one address of an endpoint.
type target struct {
	vni  uint32
	to   netip.AddrPort
	name string
}

// targets lists all that an endpoint has to answer for.
func targets(e *hoststate.Endpoint) (all []target) {
	for _, addr := range e.Addresses {
		for _, port := range e.Ports {
			for _, name := range e.Names {
				if rest, ok := strings.CutPrefix(name, "*."); ok {
					name = "probe." + rest // any name under it
				}
				all = append(all, target{e.VNI, netip.AddrPortFrom(addr, port), name})
			}
		}
	}
	return all
}

// roots is the region's CA, by which endpoints prove themselves.
func (a *Agent) roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(a.layout.ca())
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", a.layout.ca())
	}
	return pool, nil
}

// handshake completes TLS with the target.
func (p *prober) handshake(ctx context.Context, t target, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	f, local, err := p.socket(t.to.Addr())
	if err != nil {
		return err
	}
	// The data plane learns from the local port into which network the connection
	// goes, so it is told before the first packet, and until after the last.
	if err := p.a.dp.AddProbe(local, t.vni); err != nil {
		return errors.Join(err, f.Close())
	}
	defer func() {
		if err := p.a.dp.RemoveProbe(local); err != nil {
			p.a.Log.Warn("remove probe", "port", local, "err", err)
		}
	}()
	c, err := connect(ctx, f, t.to)
	if err != nil {
		return err
	}
	defer c.Close()
	session := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: t.name, MinVersion: tls.VersionTLS12})
	if err := session.HandshakeContext(ctx); err != nil {
		return err
	}
	part(session, c.(*net.TCPConn))
	return nil
}

// parting is how long the other side may take to say goodbye.
const parting = 200 * time.Millisecond

// part ends a connection so that nothing more comes over it. A side that does not
// answer is left by a reset.
func part(session *tls.Conn, c *net.TCPConn) {
	_ = session.CloseWrite()
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(parting))
	_, _ = io.Copy(io.Discard, c)
}

// socket opens a socket in the probe's namespace, with a port that is its own. It
// closes at once by a reset: no packet comes after the port is taken back.
func (p *prober) socket(to netip.Addr) (f *os.File, local uint16, err error) {
	family, from := unix.AF_INET, datapath.ProbeAddr4
	if to.Is6() {
		family, from = unix.AF_INET6, datapath.ProbeAddr6
	}
	err = p.ns.Do(func() error {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		f = os.NewFile(uintptr(fd), "probe")
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return err
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		local, err = localPort(fd)
		return err
	})
	if err != nil && f != nil {
		f.Close()
	}
	return f, local, err
}

// connect connects f, which it closes, without holding a thread.
func connect(ctx context.Context, f *os.File, to netip.AddrPort) (net.Conn, error) {
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) })()
	begun := false
	var failed error
	err = raw.Write(func(fd uintptr) (done bool) {
		if !begun {
			begun = true
			failed = unix.Connect(int(fd), sockaddr(to))
			return !errors.Is(failed, unix.EINPROGRESS)
		}
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
		case code != 0:
			failed = unix.Errno(code)
		default:
			_, failed = unix.Getpeername(int(fd))
			return !errors.Is(failed, unix.ENOTCONN) // woken too early
		}
		return true
	})
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return net.FileConn(f)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func localPort(fd int) (uint16, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return uint16(sa.Port), nil
	case *unix.SockaddrInet6:
		return uint16(sa.Port), nil
	}
	return 0, fmt.Errorf("socket with an address of kind %T", sa)
}
