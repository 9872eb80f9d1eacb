// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"enishi.dev/enishi/vpc"
)

// ownStore is a store on an etcd of its own that writes to the disk as in production.
func ownStore(b *testing.B) (*Store, *Embedded) {
	e, err := StartEmbedded(b.Context(), b.TempDir(), quiet, EmbedOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	s := mustOpen(b, e.Options())
	run(b, s)
	return s, e
}

func bigENI(i int) vpc.ENI {
	return vpc.ENI{
		Meta:   vpc.Meta{Account: "123456789012", Region: "ap-northeast-1", Created: time.Unix(1, 0).UTC(), Tags: map[string]string{"Name": "web"}},
		ID:     vpc.ENIID(fmt.Sprintf("eni-%017x", i)),
		Number: uint32(i), VPC: vpc.VPCID(fmt.Sprintf("vpc-%017x", i/1000)), Subnet: vpc.SubnetID(fmt.Sprintf("subnet-%017x", i/100)),
		Zone: "ap-northeast-1a", MAC: "02:00:00:00:00:01", Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})},
		Groups: []vpc.SecurityGroupID{vpc.SecurityGroupID(fmt.Sprintf("sg-%017x", i/1000))}, Type: "interface",
	}
}

func fill(b *testing.B, s *Store, enis int) {
	b.Helper()
	for from := 0; from < enis; from += 4000 {
		decide(b, s, func(tx *Tx) {
			for i := from; i < min(from+4000, enis); i++ {
				tx.ENIs.Put(bigENI(i))
			}
		})
	}
}

// BenchmarkDecide is one small decision, answered when it is on the disk.
func BenchmarkDecide(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, _ := ownStore(b)
			var g sync.WaitGroup
			each := b.N/writers + 1
			b.ResetTimer()
			for range writers {
				g.Go(func() {
					for range each {
						err := s.Decide(b.Context(), func(tx *Tx) error {
							tx.ENIs.Put(bigENI(int(tx.Number("eni"))))
							return nil
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			g.Wait()
			b.StopTimer()
			b.ReportMetric(float64(each*writers)/float64(s.leader.commits), "decisions/commit")
		})
	}
}

// BenchmarkRuleChange is one changed rule, with few and with many interfaces.
func BenchmarkRuleChange(b *testing.B) {
	for _, enis := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("enis=%d", enis), func(b *testing.B) {
			s, _ := ownStore(b)
			fill(b, s, enis)
			decide(b, s, func(tx *Tx) { tx.SecurityGroups.Put(vpc.SecurityGroup{ID: "sg-1", VPC: "vpc-1"}) })
			runtime.GC()
			port := 0
			for b.Loop() {
				decide(b, s, func(tx *Tx) {
					port++
					g, _ := tx.SecurityGroups.Get("sg-1")
					g.Rules = []vpc.Rule{{ID: "sgr-1", Protocol: 6, From: port, To: port, CIDR: netip.MustParsePrefix("10.0.0.0/8")}}
					tx.SecurityGroups.Put(g)
				})
			}
		})
	}
}

// BenchmarkOpen is the start on a data directory with 100,000 interfaces.
func BenchmarkOpen(b *testing.B) {
	s, e := ownStore(b)
	fill(b, s, 100_000)
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if n := mustOpen(b, e.Options()).View().ENIs.Len(); n != 100_000 {
				b.Fatal(n)
			}
		}
	})
	b.Run("memory", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := mustOpen(b, e.Options())
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(s)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB")
	})
}

// BenchmarkReady is the time until an embedded etcd answers.
func BenchmarkReady(b *testing.B) {
	for b.Loop() {
		e, err := StartEmbedded(b.Context(), b.TempDir(), quiet, EmbedOptions{UnsafeNoFsync: true})
		if err != nil {
			b.Fatal(err)
		}
		mustOpen(b, e.Options())
		b.StopTimer()
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
