// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/hoststate"
)

// bench is a data plane in a network namespace of its own, with links to attach
// to. Packets are put into the compiled program one by one; none is sent.
type bench struct {
	*Datapath
	*namespace // the fabric's
	t          testing.TB
	pins       string
	index      map[string]int // of the host sides, by port name
	seen       map[bpfDropKey]uint64
	outer      outer         // of what is put in by the port "tunnel"
	decap      *ebpf.Program // stands for that link
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads eBPF programs")
	}
}

// newBench opens a data plane with links for the named ports, which are not attached.
func newBench(t testing.TB, ports ...string) *bench {
	t.Helper()
	needRoot(t)
	b := &bench{t: t, pins: mountBPFFS(t), namespace: newNamespace(t), index: map[string]int{}, seen: map[bpfDropKey]uint64{}}
	b.do(func() {
		for i, name := range ports {
			link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("h%d", i)}, PeerName: fmt.Sprintf("p%d", i)}
			if err := netlink.LinkAdd(link); err != nil {
				t.Errorf("add link: %v", err)
				return
			}
			l, err := netlink.LinkByName(link.Name)
			if err != nil {
				t.Errorf("find link: %v", err)
				return
			}
			b.index[name] = l.Attrs().Index
		}
	})
	b.open(Options{})
	return b
}

// open opens the data plane, again if it was.
func (b *bench) open(o Options) {
	b.t.Helper()
	if b.Datapath != nil {
		b.Datapath.Close()
	}
	o.LinkLocal = cmp.Or(o.LinkLocal, math.MaxInt32) // tests are faster than instances may be
	o.Pins, o.Log = b.pins, slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := Open(o)
	if err != nil {
		var ve *ebpf.VerifierError
		if errors.As(err, &ve) {
			b.t.Logf("%+v", ve)
		}
		b.t.Fatal(err)
	}
	b.Datapath = d
	b.t.Cleanup(func() { d.Close() })
}

func mountBPFFS(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mount bpffs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount bpffs: %v", err)
		}
	})
	return dir
}

// sub runs f as a subtest on the thread in the namespace. f must not call Fatal.
func (b *bench) sub(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		defer func(t testing.TB) { b.t = t }(b.t)
		b.t = t
		b.do(func() { f(t) })
	})
}

func (b *bench) attach(ports ...Port) {
	b.t.Helper()
	b.do(func() {
		for _, p := range ports {
			p.Ifindex = b.index[p.Name]
			if err := b.Attach(p); err != nil {
				b.t.Errorf("attach %s: %v", p.Name, err)
			}
		}
	})
}

func (b *bench) apply(units ...hoststate.Unit) {
	b.t.Helper()
	if _, err := b.Apply(units, nil); err != nil {
		b.t.Fatalf("apply: %v", err)
	}
}

// run puts a frame into the program as if it came in by the port, and returns the
// program's verdict and the frame it made.
func (b *bench) run(port string, frame []byte) (int, []byte) {
	if port == tunnelPort {
		return b.runTunnel(frame)
	}
	out := make([]byte, len(frame)+256)
	o := ebpf.RunOptions{Data: frame, DataOut: out, Context: ifindexContext{Ifindex: uint32(b.index[port])}}
	verdict, err := b.objs.Pipeline.Run(&o)
	if err != nil {
		b.t.Errorf("run: %v", err)
	}
	return int(verdict), o.DataOut
}

// runSegmented is run for a frame that the kernel will cut into pieces with size
// bytes of payload each.
func (b *bench) runSegmented(port string, frame []byte, size int) int {
	o := ebpf.RunOptions{Data: frame, Context: ifindexContext{
		Ifindex: uint32(b.index[port]), GSOSegs: uint32(len(frame)/size + 1), GSOSize: uint32(size),
	}}
	verdict, err := b.objs.Pipeline.Run(&o)
	if err != nil {
		b.t.Errorf("run: %v", err)
	}
	return int(verdict)
}

// ifindexContext is struct __sk_buff with what a live packet has set.
type ifindexContext struct {
	_       [2]uint32
	Mark    uint32
	_       [7]uint32
	Ifindex uint32
	_       [30]uint32
	GSOSegs uint32
	_       [2]uint32
	GSOSize uint32
	_       [3]uint32
}

// dropped returns the reason of the one packet that was counted since the last
// call, "" if none was.
func (b *bench) dropped() string {
	var k bpfDropKey
	var perCPU []bpfDropCount
	why := ""
	it := b.objs.Drops.Iterate()
	for it.Next(&k, &perCPU) {
		var n uint64
		for _, c := range perCPU {
			n += c.Packets
		}
		if n -= b.seen[k]; n > 0 {
			b.seen[k] += n
			if n > 1 || why != "" {
				b.t.Errorf("one packet was counted more than once: %q, %q (%d)", why, reason(k.Reason), n)
			}
			why = reason(k.Reason)
		}
	}
	if err := it.Err(); err != nil {
		b.t.Errorf("read drops: %v", err)
	}
	return why
}
