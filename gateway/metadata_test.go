// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

func told(id, network, source string) *hoststate.Metadata {
	return &hoststate.Metadata{Instance: id, Network: network, Sources: []netip.Addr{netip.MustParseAddr(source)}, Hops: 1,
		Files: map[string]string{"meta-data/instance-id": id}}
}

func TestInstancesAskWhatTheyAre(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	w := newWorld(t)
	at := []netip.Addr{netip.MustParseAddr("127.0.0.254")}
	strict := told("i-2", "vpc-a", "127.0.0.12")
	strict.TokenRequired = true
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7, Metadata: at}, told("i-1", "vpc-a", "127.0.0.11"), strict, told("i-3", "vpc-b", "127.0.0.13"))
	apart(t, func() error {
		if err := w.handOver(portMetadata); err != nil {
			return err
		}
		ask := func(source, method string, header ...string) (code int, text string, err error) {
			// Connected by this thread, which is in the namespace.
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: timeout}
			c, err := d.Dial("tcp4", "127.0.0.254:80")
			if err != nil {
				return 0, "", err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(timeout))
			path := map[string]string{"GET": "/latest/meta-data/instance-id", "PUT": "/latest/api/token"}[method]
			fmt.Fprintf(c, "%s %s HTTP/1.0\r\nHost: x\r\n%s\r\n\r\n", method, path, strings.Join(header, "\r\n"))
			b, err := io.ReadAll(c)
			if err != nil {
				return 0, "", err
			}
			head, text, _ := strings.Cut(string(b), "\r\n\r\n")
			_, err = fmt.Sscanf(head, "HTTP/1.0 %d", &code)
			return code, text, err
		}
		const ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
		_, token, err := ask("127.0.0.12", "PUT", ttl)
		if err != nil {
			return err
		}
		for _, c := range []struct {
			source, header string
			code           int
			text           string
		}{
			{"127.0.0.11", "X: y", 200, "i-1"},
			{"127.0.0.11", "X-Forwarded-For: 127.0.0.12", 200, "i-1"}, // what it says of itself is nothing
			{"127.0.0.12", "X: y", 401, "<?xml"},
			{"127.0.0.12", "X-aws-ec2-metadata-token: " + token, 200, "i-2"},
			{"127.0.0.11", "X-aws-ec2-metadata-token: " + token, 401, "<?xml"},
		} {
			code, text, err := ask(c.source, "GET", c.header)
			if err != nil || code != c.code || !strings.HasPrefix(text, c.text) {
				return fmt.Errorf("%s with %s: %d %q, %w", c.source, c.header, code, text, err)
			}
		}
		for _, source := range []string{"127.0.0.13", "127.0.0.14"} { // of another network, of nobody
			if _, text, err := ask(source, "GET"); !errors.Is(err, unix.ECONNRESET) {
				return fmt.Errorf("%s is told %q, %w", source, text, err)
			}
		}
		return nil
	})
}

func TestAnAddressMeansTheInstanceThatHasIt(t *testing.T) {
	i := newInstances()
	from := func(network string) string {
		if m := i.find(source{network, netip.MustParseAddr("10.0.0.9")}); m != nil {
			return m.Instance
		}
		return ""
	}
	for _, step := range []struct {
		what string
		b    feed.Batch
		want string
	}{
		{"nobody", feed.Batch{}, ""},
		{"one", feed.Batch{Set: []hoststate.Unit{told("i-1", "vpc-a", "10.0.0.9")}}, "i-1"},
		{"it goes from one to another, told in any order", feed.Batch{Set: []hoststate.Unit{told("i-2", "vpc-a", "10.0.0.9"), told("i-1", "vpc-a", "10.0.0.8")}}, "i-2"},
		{"the first goes", feed.Batch{Gone: []hoststate.Key{{Kind: hoststate.KindMetadata, ID: "i-1"}}}, "i-2"},
		{"another comes as it goes", feed.Batch{Set: []hoststate.Unit{told("i-3", "vpc-a", "10.0.0.9")}, Gone: []hoststate.Key{{Kind: hoststate.KindMetadata, ID: "i-2"}}}, "i-3"},
		{"all anew", feed.Batch{Full: true, Set: []hoststate.Unit{told("i-4", "vpc-b", "10.0.0.9")}}, ""},
	} {
		i.apply(step.b)
		if got := from("vpc-a"); got != step.want {
			t.Fatalf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	if got := from("vpc-b"); got != "i-4" {
		t.Errorf("in the other network: %q", got)
	}
	if len(i.by) != 1 || len(i.units) != 1 {
		t.Errorf("what is gone is kept: %v", i.by)
	}
}

func TestGoOnly(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{TCPConn: tcp.(*net.TCPConn), local: netip.MustParseAddrPort("127.0.0.1:80"), leave: func() {}}
	defer c.Close()
	c.goOnly(1)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if n, err := unix.GetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TTL); n != 1 || err != nil {
			t.Errorf("its packets go %d hops, %v", n, err)
		}
	})
	c.local = netip.MustParseAddrPort("[::1]:80") // it is no IPv6 socket: that cannot be set
	c.goOnly(1)
	if _, err := c.Write([]byte{1}); err == nil {
		t.Error("it is there still")
	}
}
