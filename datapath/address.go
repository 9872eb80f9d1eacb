// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"encoding/binary"
	"net/netip"

	"enishi.dev/enishi/hoststate"
)

func networkFacts(n *hoststate.Network, w wiring, im image) {
	im[bpfNetworkKey{Vni: n.VNI}] = bpfNetwork{Door: w.doors[n.VNI], Tunnel: w.tunnel}
	for _, a := range n.Resolver {
		im[addressKey(n.VNI, a)] = bpfAddress{Kind: uint32(bpfAddressKindADDRESS_RESOLVER)}
	}
	for _, a := range n.Metadata {
		im[addressKey(n.VNI, a)] = bpfAddress{Kind: uint32(bpfAddressKindADDRESS_METADATA)}
	}
}

func interfaceFacts(i *hoststate.Interface, w wiring, im image) {
	id := handle(i.ID)
	v := bpfInterface{
		Vni:      i.VNI,
		Ifindex:  w.interfaces[id],
		Groupset: handle(i.GroupSet),
		Table:    handle(i.RouteTable),
		Endpoint: handle(i.Endpoint),
		Number:   i.Number,
		Mac:      i.MAC,
	}
	if i.Tunnel.IsValid() { // what a port here would carry, it may not
		v.Tunnel, v.Ifindex = hostAddress(i.Tunnel), 0
		im[bpfNumberKey{Number: i.Number}] = bpfNumber{Interface: id}
	}
	kind := bpfAddressKindADDRESS_INTERFACE
	if v.Endpoint != 0 {
		kind, v.Ifindex = bpfAddressKindADDRESS_ENDPOINT, 0
	}
	if i.AnySource {
		v.Flags = uint32(bpfInterfaceFlagINTERFACE_ANY_SOURCE)
	}
	im[bpfInterfaceKey{Id: id}] = v
	for n, a := range i.Addresses {
		v := bpfAddress{Kind: uint32(kind), Interface: id}
		if n == 0 && i.Public.IsValid() {
			v.Public = binary.NativeEndian.Uint32(i.Public.AsSlice())
		}
		im[addressKey(i.VNI, a)] = v
	}
	if v.Ifindex != 0 {
		im[bpfPortKey{Ifindex: v.Ifindex}] = bpfPort{
			Kind: uint32(bpfPortKindPORT_INTERFACE), Vni: i.VNI, Interface: id, Flags: v.Flags, Mac: i.MAC,
		}
	}
}

// endpointFacts lists the ports that are served. While the endpoint closes, only
// connections that it already has may use them. A public service has its addresses
// without an interface.
func endpointFacts(e *hoststate.Endpoint, im image) {
	if e.Network == "" {
		for _, a := range e.Addresses {
			im[addressKey(0, a)] = bpfAddress{Kind: uint32(bpfAddressKindADDRESS_PUBLIC), Interface: handle(e.ID)}
		}
	}
	state := bpfListenerStateLISTENER_OPEN
	if e.Closing {
		state = bpfListenerStateLISTENER_CLOSING
	}
	for _, p := range e.Ports {
		im[bpfListenerKey{Endpoint: handle(e.ID), Port: p}] = bpfListener{State: uint32(state)}
	}
}

func addressKey(vni uint32, a netip.Addr) bpfAddressKey {
	k := bpfAddressKey{Vni: vni, Family: family(a)}
	copy(k.Ip[:], a.AsSlice())
	return k
}

// hostAddress is a host's IPv4 address as the program has it.
func hostAddress(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func family(a netip.Addr) uint32 {
	if a.Is4() {
		return uint32(bpfFamilyFAMILY_IPV4)
	}
	return uint32(bpfFamilyFAMILY_IPV6)
}
