// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lockForGood keeps the thread for the calling goroutine, to end with it. The
// main thread would not end, so it is left alone.
func lockForGood() {
	for {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			return
		}
		runtime.UnlockOSThread()
		runtime.Gosched()
	}
}

// tool is what the test program does inside instances, where no such tools need
// to be installed:
//
//	listen ADDR    answers each connection with its addresses, then echoes
//	dial ADDR      prints what the other says; exit code 1: refused, 2: timed out
//	stay ADDR      says a line each time its input ends in one, and prints the echo
//	ping ADDR
//	burst LINK     prints what the link hands on at once
func tool(args []string) int {
	switch args[0] {
	case "listen":
		return toolListen(args[1])
	case "dial":
		return toolDial(args[1])
	case "stay":
		return toolStay(args[1])
	case "ping":
		return toolPing(args[1])
	case "burst":
		return toolBurst(args[1])
	}
	return 64
}

func toolBurst(link string) int {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return fail(err)
	}
	fmt.Print(l.Attrs().GSOIPv4MaxSize)
	return 0
}

const toolTimeout = 500 * time.Millisecond

func toolListen(addr string) int {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fail(err)
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return fail(err)
		}
		go func() {
			defer c.Close()
			fmt.Fprintf(c, "%s at %s for %s\n", hostname(), c.LocalAddr(), c.RemoteAddr().(*net.TCPAddr).IP)
			_, _ = io.Copy(c, c)
		}()
	}
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}

func toolDial(addr string) int {
	c, err := net.DialTimeout("tcp", addr, toolTimeout)
	if err != nil {
		return fail(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 256)
	n, err := c.Read(b)
	if err != nil {
		return fail(err)
	}
	fmt.Print(string(b[:n]))
	return 0
}

// toolStay keeps one connection and sends a byte over it for each that it reads.
func toolStay(addr string) int {
	c, err := net.DialTimeout("tcp", addr, toolTimeout)
	if err != nil {
		return fail(err)
	}
	defer c.Close()
	go func() { _, _ = io.Copy(c, os.Stdin) }()
	if _, err := io.Copy(os.Stdout, c); err != nil {
		return fail(err)
	}
	return 0
}

func toolPing(addr string) int {
	ip, network, echo, reply := net.ParseIP(addr), "udp4", byte(8), byte(0)
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if ip.To4() == nil {
		network, echo, reply, family, proto = "udp6", 128, 129, unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, proto)
	if err != nil {
		return fail(err)
	}
	f := os.NewFile(uintptr(fd), network)
	c, err := net.FilePacketConn(f)
	if err != nil {
		return fail(err)
	}
	defer c.Close()
	if _, err := c.WriteTo([]byte{echo, 0, 0, 0, 0, 0, 0, 1, 'h', 'i'}, &net.UDPAddr{IP: ip}); err != nil {
		return fail(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(toolTimeout))
	b := make([]byte, 64)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		return fail(err)
	}
	if n < 10 || b[0] != reply {
		return fail(fmt.Errorf("answer %v", b[:n]))
	}
	fmt.Println("pong")
	return 0
}

func fail(err error) int {
	fmt.Println(err)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return 2
	}
	return 1
}

// self is the test program, as instances see it.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// listen starts a listener in an instance, which stays after the command.
func (h *host) listen(id, addr string) {
	h.t.Helper()
	log := "/dev/shm/" + fmt.Sprintf("%x", addr)
	h.sh(id, self(h.t)+" tool listen '"+addr+"' >"+log+" 2>&1 </dev/null & until grep -q listening "+log+"; do sleep 0.01; done")
}

// dial connects from an instance and returns the exit code and what the other said.
func (h *host) dial(id, addr string) (int, string) {
	h.t.Helper()
	return h.exec(id, self(h.t), "tool", "dial", addr)
}
