// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/netns"
)

// removeLeftovers removes what an earlier agent made for units that are gone. It
// comes before anything is made: numbers and names of the old may be the new's.
func (a *Agent) removeLeftovers(o outcome) {
	names, err := netns.List(a.layout.namespaces())
	if err != nil {
		a.Log.Error("list namespaces", "err", err)
	}
	for _, name := range names {
		if id, ok := strings.CutPrefix(name, servicePrefix); ok {
			k := hoststate.Key{Kind: hoststate.KindNetwork, ID: id}
			if a.units[k] == nil && a.networks[id] == nil {
				o.add(k, a.removeLeftNetwork(id))
			}
			continue
		}
		k := hoststate.Key{Kind: hoststate.KindInstance, ID: name}
		if strings.HasPrefix(name, instancePrefix) && a.here(name) == nil && a.instances[name] == nil {
			o.add(k, a.removeInstance(name))
		}
	}
	if err := a.removePorts(); err != nil {
		a.Log.Error("remove what no unit asks for", "err", err)
	}
}

// removePorts removes the ports that the units do not ask for.
func (a *Agent) removePorts() error {
	wanted := a.wantedPorts()
	var errs []error
	for _, name := range a.dp.Ports() {
		if wanted[name] {
			continue
		}
		if err := errors.Join(a.dp.Detach(name), a.wires.Remove(name)); err != nil {
			errs = append(errs, fmt.Errorf("remove port %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// isLeft says whether an agent, this one or an earlier, has left something of the
// instance: all else goes before its namespace.
func (a *Agent) isLeft(id string) bool {
	_, err := os.Lstat(a.layout.namespace(id))
	return err == nil
}

// here returns the unit of an instance of this host, running or not; of others, nil.
func (a *Agent) here(id string) *hoststate.Instance {
	if u, _ := a.units[instanceKey(id)].(*hoststate.Instance); u != nil && u.Host == a.Host {
		return u
	}
	return nil
}

// wantedPorts names the ports that the units ask for on this host. An interface has none
// while its instance does not run.
func (a *Agent) wantedPorts() map[string]bool {
	ports := map[string]bool{probePort: true, tunnelPort: a.Tunnel.IsValid()}
	for _, u := range a.units {
		switch u := u.(type) {
		case *hoststate.Network:
			ports[doorPort(u.VNI)] = true
		case *hoststate.Interface:
			if i, _ := a.wanted(u.Instance); i != nil && u.Host == a.Host {
				ports[interfacePort(u)] = true
			}
		}
	}
	return ports
}

// removeLeftNetwork removes the namespace that an earlier agent made for a
// network. Its number is the index of its door's inner end.
func (a *Agent) removeLeftNetwork(id string) error {
	ns, err := netns.Open(a.layout.namespace(serviceName(id)))
	if err != nil {
		return nil //nolint:nilerr // nothing is left of it
	}
	defer ns.Close()
	inner, err := ns.Links()
	if err != nil {
		return err
	}
	defer inner.Close()
	if vni, err := inner.Index(doorName); err == nil { // else it was made, but for its door
		if err := a.dp.UnsteerNamespace(serviceName(id), uint32(vni)); err != nil {
			return fmt.Errorf("unsteer %s: %w", id, err)
		}
		if err := a.dp.Detach(doorPort(uint32(vni))); err != nil {
			return fmt.Errorf("detach %s: %w", doorPort(uint32(vni)), err)
		}
	}
	return netns.Remove(ns.Path())
}
