// SPDX-License-Identifier: Apache-2.0

package datapath

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"enishi.dev/enishi/hoststate"
)

// image is what the maps hold, or are to hold: a key of one of the maps with its
// value, both of the generated types, but for lists:
//
//	bpfPortKey      bpfPort
//	bpfNetworkKey   bpfNetwork, without the generation, which is not a wish
//	bpfAddressKey   bpfAddress
//	bpfInterfaceKey bpfInterface
//	bpfNumberKey    bpfNumber
//	bpfListenerKey  bpfListener
//	bpfGroupsetKey  ruleset
//	bpfTableKey     routes
type image map[any]any

// same reports whether two values of an image are equal; nil is absence.
func same(a, b any) bool {
	switch a := a.(type) {
	case ruleset:
		b, ok := b.(ruleset)
		return ok && a.groups == b.groups && slices.Equal(a.rules, b.rules)
	case routes:
		b, ok := b.(routes)
		return ok && slices.Equal(a, b)
	}
	switch b.(type) {
	case ruleset, routes:
		return false
	}
	return a == b
}

// facts adds to im what u means for the maps.
func facts(u hoststate.Unit, w wiring, im image) {
	switch u := u.(type) {
	case *hoststate.Network:
		networkFacts(u, w, im)
	case *hoststate.Interface:
		interfaceFacts(u, w, im)
	case *hoststate.GroupSet:
		im[bpfGroupsetKey{Id: handle(u.ID)}] = compileGroupSet(u)
	case *hoststate.RouteTable:
		im[bpfTableKey{Id: handle(u.ID)}] = compileRoutes(u)
	case *hoststate.Endpoint:
		endpointFacts(u, im)
	}
}

// check says why u cannot be made true, before anything of it is.
func check(u hoststate.Unit) error {
	switch u := u.(type) {
	case *hoststate.Network:
		return errOr(checkVNI(u.VNI), checkAddresses(u.Resolver), checkAddresses(u.Metadata))
	case *hoststate.Interface:
		return errOr(checkVNI(u.VNI), checkAddresses(u.Addresses), checkTunnel(u), checkPublic(u))
	case *hoststate.GroupSet:
		return checkGroupSet(u)
	case *hoststate.RouteTable:
		return checkRoutes(u)
	case *hoststate.Endpoint:
		if u.Network == "" {
			return checkAddresses(u.Addresses)
		}
		return checkVNI(u.VNI)
	}
	return nil
}

func errOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkVNI(vni uint32) error {
	if vni == 0 || vni >= 1<<24 {
		return fmt.Errorf("network number %d is not between 1 and %d", vni, 1<<24-1)
	}
	return nil
}

func checkAddresses(addrs []netip.Addr) error {
	for _, a := range addrs {
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
			return fmt.Errorf("address %q is not one of a network", a)
		}
	}
	return nil
}

func checkPublic(i *hoststate.Interface) error {
	if i.Public.IsValid() && !i.Public.Is4() {
		return fmt.Errorf("public address %q is not one of IPv4", i.Public)
	}
	return nil
}

func checkTunnel(i *hoststate.Interface) error {
	switch a := i.Tunnel; {
	case !a.IsValid():
		return nil
	case !hoststate.CanTunnel(a):
		return fmt.Errorf("host address %q is not one of IPv4", a)
	case i.Number == 0:
		return errors.New("an interface of another host needs a number")
	case i.Endpoint != "":
		return errors.New("an endpoint's interface is every host's own")
	}
	return nil
}

// handle is what the maps know a thing by. It is made of the name alone, so that a
// restarted agent finds what an earlier one wrote. The top bit is never set: it
// marks owners of flows that are no interfaces. 0 is nothing.
func handle(id string) uint64 {
	if id == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()&^(1<<63) | 1<<62 // never 0, and never the same as a number
}
