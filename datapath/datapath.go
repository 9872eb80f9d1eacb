// SPDX-License-Identifier: Apache-2.0

// Package datapath makes the kernel match the units: it loads the eBPF program,
// attaches it, keeps its maps equal to what is wanted, and reads counters, flows
// and verdicts back. It knows packets, addresses and rules; it does not know what
// an endpoint service is, who owns anything, or how links and namespaces are made.
package datapath

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

// Options says where a datapath lives and how large it is. Zero sizes mean the defaults.
type Options struct {
	Pins     string // a directory on a bpffs: maps, programs and links are pinned there
	Log      *slog.Logger
	Flows    int // established flows, 262144 by default
	HalfOpen int // flows that nobody has answered yet, 16384 by default
	MTU      int // the largest IP packet between interfaces, 9001 by default
}

// The probe's own addresses: a probe binds to them, so that its connections come
// in by the probe's port and their answers find the way back.
var (
	ProbeAddr4 = netip.MustParseAddr("169.254.255.253")
	ProbeAddr6 = netip.MustParseAddr("fd00:ec2::ffff")
)

// Datapath is the kernel's side of one host.
type Datapath struct{}

var errNotYet = errors.New("datapath: not in this commit")

// Probe names what the kernel lacks, or returns nil.
func Probe() error { return errNotYet }

// Open loads the program, or takes over what is pinned in o.Pins with the same layout.
// Afterwards Apply, Attach and the rest may be called, by one goroutine at a time.
func Open(o Options) (*Datapath, error) { return nil, errNotYet }

// Close lets go of the kernel's objects; what is pinned stays and goes on working.
func (d *Datapath) Close() error { return errNotYet }

// Attach makes p carry packets; the caller sets the link up only afterwards. It must
// run on a thread in the link's namespace. Attaching again changes nothing.
func (d *Datapath) Attach(p Port) error { return errNotYet }

// Detach undoes Attach. A port that is not attached is not an error.
func (d *Datapath) Detach(name string) error { return errNotYet }

// SteerNamespace lets the sockets tcp and udp53 take whatever arrives in the
// namespace nsfd by the interface whose index is vni.
func (d *Datapath) SteerNamespace(nsfd int, vni uint32, name string, tcp, udp53 int) error {
	return errNotYet
}

// UnsteerNamespace undoes SteerNamespace.
func (d *Datapath) UnsteerNamespace(name string, vni uint32) error { return errNotYet }

// Apply makes the kernel hold set and no longer gone, and returns how many writes
// that took. Other units stay. It is idempotent; after an error, calling it again
// is the whole recovery.
func (d *Datapath) Apply(set []hoststate.Unit, gone []hoststate.Key) (int, error) {
	return 0, errNotYet
}

// ApplyFull makes the kernel hold all and nothing else.
func (d *Datapath) ApplyFull(all []hoststate.Unit) (int, error) { return 0, errNotYet }

// AddProbe lets connections from the TCP port port of the probe's addresses into
// the network vni.
func (d *Datapath) AddProbe(port uint16, vni uint32) error { return errNotYet }

// RemoveProbe undoes AddProbe.
func (d *Datapath) RemoveProbe(port uint16) error { return errNotYet }

// Drops returns the packets refused since the data plane was made, by network and reason.
func (d *Datapath) Drops() ([]hoststate.Drop, error) { return nil, errNotYet }

// Flows returns the number of tracked flows.
func (d *Datapath) Flows() (int, error) { return 0, errNotYet }

// Sweep removes flows that have expired.
func (d *Datapath) Sweep(ctx context.Context) error { return errNotYet }

// Trail is what becomes of a packet, and why.
type Trail struct {
	Verdict string // "deliver", "answer" or "drop"
	Reason  string // of a drop, in the words of Drops
	Flow    bool   // decided by an existing flow
	Route   string // what the route table said: "local", "interface", "blackhole", or "" where no table was asked
	Target  string // the interface or port that gets it
	Egress  string // id of the rule that let it out
	Ingress string // id of the rule that let it in
}

// Explain says what would happen to packet if it came in by port. Nothing is written.
func (d *Datapath) Explain(port string, packet []byte) (Trail, error) { return Trail{}, errNotYet }
