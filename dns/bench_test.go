// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"enishi.dev/enishi/hoststate"
)

// big holds the names of many endpoints.
func big(names int) *Records {
	r := story()
	set := make([]hoststate.Unit, 0, names)
	for i := range names {
		set = append(set, name(fmt.Sprintf("- - vpce-%d.ec2.ap-northeast-1.vpce.amazonaws.com 10.0.0.1,10.0.0.2", i)))
	}
	r.Apply(false, set, nil)
	return r
}

func BenchmarkReply(b *testing.B) {
	v, buf := big(50000).View(), make([]byte, maxUDP)
	packet := query(func(q *dns.Msg) { q.SetEdns0(1232, false) })
	b.ReportAllocs()
	for b.Loop() {
		if a, _ := v.Reply(packet, buf, Asked{Network: "vpc-a", At: resolver}); a == nil {
			b.Fatal("no answer")
		}
	}
}

func BenchmarkApplyOne(b *testing.B) {
	for _, names := range []int{100, 100000} {
		b.Run(fmt.Sprintf("among %d", names), func(b *testing.B) {
			r := big(names)
			n := name("- - vpce-7.ec2.ap-northeast-1.vpce.amazonaws.com 10.0.0.9")
			for b.Loop() {
				r.Apply(false, []hoststate.Unit{n}, nil)
			}
		})
	}
}

// BenchmarkUDP asks from many addresses, as one would be limited.
func BenchmarkUDP(b *testing.B) {
	_, port := serve(b)
	var sources atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		packet, buf := query(nil), make([]byte, maxUDP)
		var c net.Conn
		for i := 0; pb.Next(); i++ {
			if i%(perSecond/2) == 0 {
				n := sources.Add(1)
				if c != nil {
					c.Close()
				}
				d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
				var err error
				if c, err = d.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := c.Write(packet); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
		if c != nil {
			c.Close()
		}
	})
}
