// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"enishi.dev/enishi/datapath"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
	"enishi.dev/enishi/netns"
)

// running is an instance on this host: its namespace with its interfaces, and
// its processes once started.
type running struct {
	ns        *netns.Namespace
	ports     []string // names of its ports in the fabric
	addresses []netip.Addr
	process   *instance.Instance
	state     hoststate.InstanceState
}

// interfaceMTU is AWS's in a VPC (reference 5.4).
const interfaceMTU = 9001

func interfacePort(i *hoststate.Interface) string { return fmt.Sprintf("eni%d", i.Number) }

// wanted returns the instance's unit and those of its interfaces, if it is to
// run here and all of it is known.
func (a *Agent) wanted(id string) (*hoststate.Instance, []*hoststate.Interface) {
	u, _ := a.units[hoststate.Key{Kind: hoststate.KindInstance, ID: id}].(*hoststate.Instance)
	if u == nil || !u.Running || u.Host != a.Host {
		return nil, nil
	}
	var interfaces []*hoststate.Interface
	for _, eni := range u.Interfaces {
		i, ok := a.units[hoststate.Key{Kind: hoststate.KindInterface, ID: eni}].(*hoststate.Interface)
		if !ok {
			return nil, nil // comes with the next batch
		}
		interfaces = append(interfaces, i)
	}
	return u, interfaces
}

// makePorts makes the namespace and links of an instance that is to run here,
// attached but down: the data plane can deliver to them, nothing comes yet.
func (a *Agent) makePorts(id string) error {
	u, interfaces := a.wanted(id)
	if u == nil || a.instances[id] != nil {
		return nil
	}
	if !a.Instances {
		return errors.New("this host launches no instances: start its agent with --instances")
	}
	ns, _, err := netns.Make(a.layout.namespace(id))
	if err != nil {
		return err
	}
	r := &running{ns: ns}
	for device, i := range interfaces {
		if err := a.makePort(r, device, i); err != nil {
			ns.Close()
			return fmt.Errorf("interface %s: %w", i.ID, err)
		}
	}
	a.instances[id] = r
	return nil
}

func (a *Agent) makePort(r *running, device int, i *hoststate.Interface) error {
	name, inner := interfacePort(i), fmt.Sprintf("eth%d", device)
	index, err := netns.MakeVeth(a.fabric, r.ns, netns.Veth{Outer: name, Inner: inner, MAC: i.MAC[:], MTU: interfaceMTU})
	if err != nil {
		return err
	}
	r.ports = append(r.ports, name)
	r.addresses = append(r.addresses, i.Addresses...)
	err = a.inFabric(func() error {
		return a.dp.Attach(datapath.Port{Ifindex: index, Kind: datapath.PortInterface, Name: name, Network: i.VNI, Interface: i.ID})
	})
	if err != nil {
		return err
	}
	for link, ns := range map[string]*netns.Namespace{name: a.fabric, inner: r.ns, "lo": r.ns} {
		if err := ns.SetUp(link); err != nil {
			return err
		}
	}
	return r.ns.Do(func() error { return configure(inner, device, i) })
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
			if device == 0 {
				if err := netns.RouteVia(link, subnet.Masked().Addr().Next()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// power starts the processes of an instance that is to run, and ends those of one that is not.
func (a *Agent) power(ctx context.Context, id string) error {
	u, _ := a.wanted(id)
	r := a.instances[id]
	switch {
	case u == nil:
		if _, known := a.units[hoststate.Key{Kind: hoststate.KindInstance, ID: id}]; !known {
			return nil // its unit is gone, or not here yet
		}
		return a.stop(id)
	case r == nil, r.process != nil:
		return nil
	}
	p, err := instance.Adopt(a.layout.instance(id))
	if err != nil {
		p, err = a.start(ctx, u, r)
	}
	if err != nil {
		return err
	}
	r.process, r.state = p, hoststate.InstanceRunning
	a.feed.Instance(id, hoststate.InstanceReport{State: hoststate.InstanceRunning})
	return nil
}

func (a *Agent) start(ctx context.Context, u *hoststate.Instance, r *running) (*instance.Instance, error) {
	bundle, err := a.bundle()
	if err != nil {
		return nil, err
	}
	return instance.Start(ctx, instance.Spec{
		ID: u.ID, Hostname: u.Hostname, Domain: u.Domain, Resolver: u.Resolver, Region: u.Region,
		CABundle: bundle, Hide: []string{a.RunDir},
	}, a.layout.instance(u.ID), r.ns)
}

// bundle is what TLS clients in instances trust: what the host does, and the region's CA.
func (a *Agent) bundle() ([]byte, error) {
	ca, err := os.ReadFile(a.layout.ca())
	if err != nil {
		return nil, err
	}
	for _, host := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} {
		if b, err := os.ReadFile(host); err == nil {
			return append(append(b, '\n'), ca...), nil
		}
	}
	return ca, nil
}

// stop ends an instance whose unit stays: it is not to run any more.
func (a *Agent) stop(id string) error {
	if err := a.removeInstance(id); err != nil {
		return err
	}
	a.feed.Instance(id, hoststate.InstanceReport{State: hoststate.InstanceStopped})
	return nil
}

// removeInstance ends an instance's processes and removes its ports and
// namespace, also of one that only an earlier agent knew.
func (a *Agent) removeInstance(id string) error {
	r := a.instances[id]
	path := a.layout.namespace(id)
	if r == nil {
		r = &running{}
		ns, err := netns.Open(path)
		if err == nil {
			r.ns = ns
			r.ports = a.portsOf(ns)
		}
	}
	if r.process == nil {
		r.process, _ = instance.Adopt(a.layout.instance(id))
	}
	var errs []error
	if r.process != nil {
		errs = append(errs, r.process.Kill())
	}
	for _, port := range r.ports {
		errs = append(errs,
			a.inFabric(func() error { return a.dp.Detach(port) }),
			a.fabric.RemoveLink(port))
	}
	errs = append(errs, netns.Remove(path), os.RemoveAll(a.layout.instance(id)))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if r.ns != nil {
		r.ns.Close()
	}
	delete(a.instances, id)
	return nil
}

// portsOf lists the fabric's links whose other ends are in ns.
func (a *Agent) portsOf(ns *netns.Namespace) []string {
	names, err := a.fabric.PeersOf(ns)
	if err != nil {
		a.Log.Warn("list ports", "err", err)
	}
	return names
}

// instanceIDs lists the directories of instances, running or not.
func (l layout) instanceIDs() []string {
	dirs, _ := filepath.Glob(filepath.Join(l.instances(), "i-*"))
	for i, d := range dirs {
		dirs[i] = strings.TrimPrefix(d, l.instances()+"/")
	}
	return dirs
}
