// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
)

var probeAddresses = []netip.Prefix{
	netip.PrefixFrom(datapath.ProbeAddr4, datapath.ProbeAddr4.BitLen()),
	netip.PrefixFrom(datapath.ProbeAddr6, datapath.ProbeAddr6.BitLen()),
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

// handshake completes TLS for name at an address of the network vni.
func (p *prober) handshake(ctx context.Context, vni uint32, addr netip.Addr, port uint16, name string, roots *x509.CertPool) error {
	c, local, err := p.dial(vni, netip.AddrPortFrom(addr, port))
	if local != 0 {
		defer func() {
			if err := p.a.dp.RemoveProbe(local); err != nil {
				p.a.Log.Warn("remove probe", "port", local, "err", err)
			}
		}()
	}
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		name = "probe." + rest
	}
	return tls.Client(c, &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
}

// dial connects from the probe's namespace. The data plane learns from the local
// port into which network the connection goes, so the port is bound and told first.
func (p *prober) dial(vni uint32, to netip.AddrPort) (c net.Conn, local uint16, err error) {
	from, family := datapath.ProbeAddr4, unix.AF_INET
	if to.Addr().Is6() {
		from, family = datapath.ProbeAddr6, unix.AF_INET6
	}
	err = p.ns.Do(func() error {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "probe")
		defer f.Close()
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		if local, err = localPort(fd); err != nil {
			return err
		}
		if err := p.a.dp.AddProbe(local, vni); err != nil {
			return err
		}
		limit := unix.NsecToTimeval(int64(probeDeadline / time.Nanosecond))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
			return err
		}
		if err := unix.Connect(fd, sockaddr(to)); err != nil {
			if errors.Is(err, unix.EINPROGRESS) {
				err = unix.ETIMEDOUT // what SO_SNDTIMEO calls it
			}
			return fmt.Errorf("connect: %w", err)
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
		c, err = net.FileConn(f)
		return err
	})
	return c, local, err
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
