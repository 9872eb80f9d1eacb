// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/datapath"
)

// socket opens a socket in the probe's namespace, with a port that is its own. It
// closes at once by a reset: no packet comes after the port is taken back.
func (p *prober) socket(to netip.Addr) (f *os.File, local uint16, err error) {
	family, from := unix.AF_INET, datapath.ProbeAddr4
	if to.Is6() {
		family, from = unix.AF_INET6, datapath.ProbeAddr6
	}
	err = p.ns.Visit(func() error {
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
