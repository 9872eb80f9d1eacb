// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// apart runs f in a network namespace of its own, with loopback up. The thread
// ends with it, and so does the namespace once its sockets are closed.
func apart(t *testing.T, f func() error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocks: this thread is of no use to others
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = loopbackUp()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

func TestPort53(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	w := newWorld(t)
	w.port = 443
	e := w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name)
	w.apply(
		&hoststate.Network{ID: "vpc-a", VNI: 7, Resolver: []netip.Addr{netip.MustParseAddr("127.0.0.2")}}, e,
		&hoststate.Name{Network: "vpc-a", Zone: ec2Name, Name: ec2Name, TTL: 60, Addresses: e.Addresses},
	)
	apart(t, func() error {
		if err := w.handOver(portDNS); err != nil {
			return err
		}
		c, err := net.Dial("tcp", "127.0.0.2:53")
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(timeout))
		dc := mdns.Conn{Conn: c}
		if err := dc.WriteMsg(new(mdns.Msg).SetQuestion(ec2Name+".", mdns.TypeA)); err != nil {
			return err
		}
		m, err := dc.ReadMsg()
		if err != nil || len(m.Answer) != 1 {
			return fmt.Errorf("the resolver answers %v, %w", m, err)
		}
		if got := call(w, "127.0.1.50:53"); got != "reset" {
			return errors.New("an endpoint's address is no resolver's: " + got)
		}
		return nil
	})
}
