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
		err := errors.Join(a.dp.Detach(name), a.fabric.RemoveLink(name), r.ns.Do(func() error { return netns.RulesFrom(sourceTable(p.device), nil) }))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		delete(r.ports, name)
	}
	return errors.Join(errs...)
}

// makePorts makes the instance's namespace and links, as far as they are missing,
// and gives them the addresses that they are to have. r is nil unless the instance
// is known; what is returned is, also with an error, unless there is no namespace.
// It may be called for several instances at once.
func (a *Agent) makePorts(r *running, u *hoststate.Instance, interfaces []*hoststate.Interface) (*running, error) {
	if r == nil {
		var err error
		if r, err = a.makeNamespace(u); err != nil {
			return r, err
		}
	}
	var errs []error // one that fails may hold the name of another, which comes after it
	for _, i := range interfaces {
		name := interfacePort(i)
		if p := r.ports[name]; p.made && slices.Equal(p.addresses, i.Addresses) {
			continue
		}
		r.ports[name] = port{device: i.Device} // for removeInstance, should it stay half made
		if err := a.makePort(r, i); err != nil {
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
	return &running{ns: ns, ports: map[string]port{}}, ns.SetUp("lo")
}

// makePort makes an interface: nothing leaves it before the data plane looks.
// Of one that is there it sets the addresses.
func (a *Agent) makePort(r *running, i *hoststate.Interface) error {
	name, inner := interfacePort(i), fmt.Sprintf("eth%d", i.Device)
	pair, err := netns.MakeVeth(a.fabric, r.ns, netns.Veth{
		Outer: name, Inner: inner, MAC: i.MAC[:], MTU: interfaceMTU, LinkLocal: hasIPv6(i),
	})
	if err != nil {
		return err
	}
	if err := a.attach(datapath.Port{Ifindex: pair.Index, Kind: datapath.PortInterface, Name: name, Network: i.VNI, Interface: i.ID}); err != nil {
		return err
	}
	if !pair.Up {
		if err := a.fabric.SetUp(name); err != nil {
			return err
		}
		if err := r.ns.SetUp(inner); err != nil {
			return err
		}
	}
	return r.ns.Do(func() error { return configure(inner, i) })
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

// configure gives the link its addresses and the way out, as DHCP and the
// machine images do on EC2: the router is the subnet's first address. Everything
// leaves by the first device, but for what answers at another one's addresses:
// that goes by it, as no other may send from them.
func configure(link string, i *hoststate.Interface) error {
	var addresses []netip.Prefix
	for _, addr := range i.Addresses {
		for _, subnet := range i.Subnet {
			if subnet.Contains(addr) {
				addresses = append(addresses, netip.PrefixFrom(addr, subnet.Bits()))
			}
		}
	}
	if err := netns.SetAddresses(link, addresses); err != nil {
		return err
	}
	table := sourceTable(i.Device)
	if i.Device != 0 {
		if err := netns.RulesFrom(table, i.Addresses); err != nil {
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
			err = netns.RouteVia(link, router)
		} else {
			err = netns.RouteFromVia(link, table, subnet, router)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
