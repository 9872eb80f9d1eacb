// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance/confine"
	"enishi.dev/enishi/netns"
)

// prepare makes directories and sockets, and says which parts use them.
func (u *upRun) prepare() ([]part, error) {
	public, err := u.listenPublic()
	if err != nil {
		return nil, err
	}
	if err := u.makeDataDir(); err != nil {
		return nil, err
	}
	socket, err := u.listenUnix("unix", controlSocket)
	if err != nil {
		return nil, err
	}
	own, err := u.keep(controlProgram())
	if err != nil {
		return nil, err
	}
	deciding := part{name: "control", uid: parts.ControlUID, own: own, files: []*os.File{socket}, sees: confine.Root{{From: u.dataDir, At: u.dataDir, Write: true}}, args: []string{
		"--release", parts.Version(), "--data-dir", u.dataDir, "--holder", fmt.Sprint(os.Getpid()), "--region", u.region, "--owner", fmt.Sprint(u.owner().uid), fmt.Sprintf("--ephemeral=%t", u.ephemeral), fmt.Sprintf("--accept-any-credentials=%t", u.any),
	}}
	if u.hosts != "" {
		remote, err := u.listenHosts()
		if err != nil {
			return nil, err
		}
		deciding.files, deciding.args = append(deciding.files, remote), append(deciding.args, "--remote")
	}
	doing, err := u.prepareHost(parts.LocalHost, u.tunnel, public)
	return append([]part{u.inRunDir(deciding)}, doing...), err
}

// prepareHost makes what every host has: an agent, a gateway and services. Only
// where control is there is a public entry.
func (u *upRun) prepareHost(name, tunnel string, public *os.File) ([]part, error) {
	if err := os.MkdirAll(u.path(logDir), 0o755); err != nil {
		return nil, err
	}
	if _, err := tunnelAddress(tunnel); err != nil {
		return nil, err
	}
	access, err := u.keep(os.OpenFile(u.path(accessLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644))
	if err != nil {
		return nil, err
	}
	sockets := map[string]*os.File{}
	for name, network := range map[string]string{agentSocket: "unix", agentGatewaySocket: "unixpacket", gatewaySocket: "unix", servicesSocket: "unix"} {
		if sockets[name], err = u.listenUnix(network, name); err != nil {
			return nil, err
		}
	}
	uid := fmt.Sprint(u.owner().uid)
	entry := part{name: "gateway", uid: parts.GatewayUID, files: []*os.File{sockets[gatewaySocket], access}, args: []string{"--host", name, "--owner", uid}}
	for _, name := range []string{controlSocket, agentGatewaySocket, servicesSocket} { // those that it dials
		entry.sees = append(entry.sees, confine.Shown{From: u.path(name), At: u.path(name)})
	}
	if public != nil {
		entry.files, entry.args = append(entry.files, public), append(entry.args, "--public")
	}
	return []part{
		u.inRunDir(part{name: "agent", files: []*os.File{sockets[agentSocket], sockets[agentGatewaySocket]}, args: []string{"--host", name, "--instances", "--owner", uid, "--tunnel-address", tunnel}}),
		u.inRunDir(entry),
		u.inRunDir(part{name: "services", uid: parts.ServicesUID, files: []*os.File{sockets[servicesSocket]}}),
	}, nil
}

func (u *upRun) inRunDir(p part) part {
	p.groups = u.groups
	p.log, p.args = filepath.Join(u.path(logDir), p.name+".log"), append(p.args, "--run-dir", u.runDir)
	return p
}

// tunnelAddress reads --tunnel-address; the zero address is none.
func tunnelAddress(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !hoststate.CanTunnel(a) {
		return a, fmt.Errorf("--tunnel-address %s: want one IPv4 address of this machine", s)
	}
	if _, err := netns.LinkMTU(a); err != nil {
		return a, fmt.Errorf("--tunnel-address: %w", err)
	}
	return a, nil
}

// listenHosts opens where other hosts reach control, which may open no socket.
func (u *upRun) listenHosts() (*os.File, error) {
	addr, err := net.ResolveTCPAddr("tcp", u.hosts)
	if err != nil {
		return nil, fmt.Errorf("--hosts-listen %s: %w", u.hosts, err)
	}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		return nil, fmt.Errorf("--hosts-listen %s: want the address by which other hosts reach this one", u.hosts)
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--hosts-listen %s: %w", u.hosts, err)
	}
	defer l.Close()
	return u.keep(l.File())
}

// listenPublic opens the public entry. The gateway could not: it may not open sockets.
func (u *upRun) listenPublic() (*os.File, error) {
	l, err := listenLoopback("--listen", u.listen, "whoever reaches the public entry can try credentials")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	u.listen = l.Addr().String() // the port, when 0 was asked
	return u.keep(l.File())
}

// listenLoopback opens the address that the flag gives. Another than of loopback is
// an error, which says why.
func listenLoopback(flag, address, why string) (*net.TCPListener, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s %s: %w", flag, address, err)}
	}
	if !addr.IP.IsLoopback() {
		return nil, usageError{fmt.Errorf("%s %s: only a loopback address: %s", flag, address, why)}
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: end what listens there, or give %s", err, flag)
	}
	return l, nil
}

// listenUnix makes a socket of the run directory. Its server looks at who the peer is.
func (u *upRun) listenUnix(network, name string) (*os.File, error) {
	path := u.path(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, err
	}
	return u.keep(l.File())
}

// makeDataDir makes the data directory control's own.
func (u *upRun) makeDataDir() error {
	if u.ephemeral {
		u.dataDir = u.path(ephemeralData)
	}
	if err := os.MkdirAll(u.dataDir, 0o700); err != nil {
		return err
	}
	return os.Chown(u.dataDir, parts.ControlUID, parts.ControlUID)
}

func (u *upRun) keep(f *os.File, err error) (*os.File, error) {
	if err == nil {
		u.files = append(u.files, f)
	}
	return f, err
}
