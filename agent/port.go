// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// interfaceMTU is AWS's within a VPC.
const interfaceMTU = 9001

func interfacePort(i *hoststate.Interface) string { return fmt.Sprintf("eni%d", i.Number) }

// port is an interface of an instance as it is in the kernel.
type port struct {
	device    int
	made      bool         // all of it is there
	addresses []netip.Addr // that the instance's end has
}

// dropPorts takes away the ports of interfaces that the instance has no more, or
// has as another device. An interface may be another instance's next: no port is
// made before all that go are gone.
func (a *Agent) dropPorts(r *running, interfaces []*hoststate.Interface) error {
	wanted := map[string]int{}
	for _, i := range interfaces {
		wanted[interfacePort(i)] = i.Device
	}
	var errs []error
	for name, p := range r.ports {
		if device, ok := wanted[name]; ok && device == p.device {
			continue
		}
		if err := errors.Join(a.dp.Detach(name), a.wires.Remove(name), r.forgetSource(p.device)); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(r.ports, name)
	}
	return errors.Join(errs...)
}

// forgetSource takes away what led to the routing table of a device.
func (r *running) forgetSource(device int) error {
	return r.ns.WithLinks(func(inner *netns.Links) error { return inner.RulesFrom(sourceTable(device), nil) })
}

// makePorts makes the instance's namespace and links, as far as they are missing,
// and gives them the addresses that they are to have. r is nil unless the instance
// is known; what is returned is, also with an error, unless there is no namespace.
// It may be called for several instances at once.
func (a *Agent) makePorts(r *running, u *hoststate.Instance, interfaces []*hoststate.Interface) (*running, error) {
	if r == nil {
		var err error
		if r, err = a.makeNamespace(u); err != nil {
			return nil, err
		}
	}
	var missing []*hoststate.Interface
	for _, i := range interfaces {
		if p := r.ports[interfacePort(i)]; !p.made || !slices.Equal(p.addresses, i.Addresses) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return r, nil
	}
	inner, err := r.ns.Links()
	if err != nil {
		return r, err
	}
	defer inner.Close()
	var errs []error // one that fails may hold the name of another, which comes after it
	for _, i := range missing {
		name := interfacePort(i)
		r.ports[name] = port{device: i.Device} // for removeInstance, should it stay half made
		if err := a.makePort(inner, i); err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", i.ID, err))
			continue
		}
		r.ports[name] = port{i.Device, true, i.Addresses}
	}
	return r, errors.Join(errs...)
}

func (a *Agent) makeNamespace(u *hoststate.Instance) (*running, error) {
	if !a.Instances {
		return nil, errors.New("this host launches no instances: start its agent with --instances")
	}
	ns, _, err := netns.Make(a.layout.namespace(u.ID))
	if err != nil {
		return nil, err
	}
	return &running{ns: ns, ports: map[string]port{}}, nil
}

// makePort makes an interface of the instance with the inner links. Of one that is
// there it sets the addresses.
func (a *Agent) makePort(inner *netns.Links, i *hoststate.Interface) error {
	v := netns.Veth{
		Outer: interfacePort(i), Inner: fmt.Sprintf("eth%d", i.Device), MAC: i.MAC[:], MTU: interfaceMTU, Burst: a.burst(), LinkLocal: hasIPv6(i),
	}
	pair, err := netns.MakeVeth(a.wires, inner, v)
	if err != nil {
		return err
	}
	if err := a.plug(inner, v, pair, datapath.Port{Kind: datapath.PortInterface, Network: i.VNI, Interface: i.ID}); err != nil {
		return err
	}
	return configure(inner, pair.Inner, i)
}

// plug makes the pair of v carry packets as the port, and brings it up: nothing leaves
// it before the data plane looks. The inner end comes last, so that where it is up
// everything else is, its namespace's loopback too.
func (a *Agent) plug(inner *netns.Links, v netns.Veth, pair netns.Pair, p datapath.Port) error {
	p.Ifindex, p.Name = pair.Outer, v.Outer
	if err := a.attach(p); err != nil || pair.Up {
		return err
	}
	if err := a.wires.SetUp(v.Outer); err != nil {
		return err
	}
	return inner.SetUp("lo", v.Inner)
}

func hasIPv6(i *hoststate.Interface) bool {
	for _, a := range i.Addresses {
		if a.Is6() {
			return true
		}
	}
	return false
}

// sourceTable is the routing table of what leaves from a device's addresses.
func sourceTable(device int) int { return 10000 + device }

// configure gives the link with the index its addresses and the way out, as DHCP and the
// machine images do on EC2: the router is the subnet's first address. Everything
// leaves by the first device, but for what answers at another one's addresses:
// that goes by it, as no other may send from them.
func configure(inner *netns.Links, index int, i *hoststate.Interface) error {
	var addresses []netip.Prefix
	for _, addr := range i.Addresses {
		for _, subnet := range i.Subnet {
			if subnet.Contains(addr) {
				addresses = append(addresses, netip.PrefixFrom(addr, subnet.Bits()))
			}
		}
	}
	if err := inner.SetAddresses(index, addresses); err != nil {
		return err
	}
	table := sourceTable(i.Device)
	if i.Device != 0 {
		if err := inner.RulesFrom(table, i.Addresses); err != nil {
			return err
		}
	}
	for _, subnet := range i.Subnet {
		if !slices.ContainsFunc(i.Addresses, subnet.Contains) {
			continue
		}
		router := subnet.Masked().Addr().Next()
		var err error
		if i.Device == 0 {
			err = inner.RouteVia(index, router)
		} else {
			err = inner.RouteFromVia(index, table, subnet, router)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
