// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"net/netip"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// interfaceMTU is AWS's within a VPC.
const interfaceMTU = 9001

func interfacePort(i *hoststate.Interface) string { return fmt.Sprintf("eni%d", i.Number) }

// makePorts makes the instance's namespace and links, as far as they are missing,
// and takes away those of interfaces that it has no more.
func (a *Agent) makePorts(u *hoststate.Instance, interfaces []*hoststate.Interface) error {
	if !a.Instances {
		return errors.New("this host launches no instances: start its agent with --instances")
	}
	r := a.instances[u.ID]
	if r == nil {
		ns, _, err := netns.Make(a.layout.namespace(u.ID))
		if err != nil {
			return err
		}
		r = &running{ns: ns, ports: map[string]bool{}}
		a.instances[u.ID] = r
		if err := ns.SetUp("lo"); err != nil {
			return err
		}
	}
	wanted := map[string]bool{}
	for device, i := range interfaces {
		name := interfacePort(i)
		wanted[name] = true
		if r.ports[name] {
			continue
		}
		r.ports[name] = false // for removeInstance, should it stay half made
		if err := a.makePort(r, device, i); err != nil {
			return fmt.Errorf("interface %s: %w", i.ID, err)
		}
		r.ports[name] = true
	}
	for name := range r.ports {
		if wanted[name] {
			continue
		}
		if err := errors.Join(a.dp.Detach(name), a.fabric.RemoveLink(name)); err != nil {
			return err
		}
		delete(r.ports, name)
	}
	return nil
}

// makePort makes an interface: nothing leaves it before the data plane looks.
func (a *Agent) makePort(r *running, device int, i *hoststate.Interface) error {
	name, inner := interfacePort(i), fmt.Sprintf("eth%d", device)
	index, err := netns.MakeVeth(a.fabric, r.ns, netns.Veth{
		Outer: name, Inner: inner, MAC: i.MAC[:], MTU: interfaceMTU, LinkLocal: hasIPv6(i),
	})
	if err != nil {
		return err
	}
	if err := a.attach(datapath.Port{Ifindex: index, Kind: datapath.PortInterface, Name: name, Network: i.VNI, Interface: i.ID}); err != nil {
		return err
	}
	if err := a.fabric.SetUp(name); err != nil {
		return err
	}
	if err := r.ns.SetUp(inner); err != nil {
		return err
	}
	return r.ns.Do(func() error { return configure(inner, device, i) })
}

func hasIPv6(i *hoststate.Interface) bool {
	for _, a := range i.Addresses {
		if a.Is6() {
			return true
		}
	}
	return false
}

// configure gives the link its addresses and, for the first one, the way out, as
// DHCP does on EC2: the router is the subnet's first address.
func configure(link string, device int, i *hoststate.Interface) error {
	for _, addr := range i.Addresses {
		for _, subnet := range i.Subnet {
			if !subnet.Contains(addr) {
				continue
			}
			if err := netns.AddAddress(link, netip.PrefixFrom(addr, subnet.Bits())); err != nil {
				return err
			}
			if device != 0 {
				continue
			}
			if err := netns.RouteVia(link, subnet.Masked().Addr().Next()); err != nil {
				return err
			}
		}
	}
	return nil
}
