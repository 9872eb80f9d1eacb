// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// InterfaceSpec is what is asked of an interface that somebody makes by itself.
type InterfaceSpec struct {
	Owner       Meta
	Subnet      Subnet
	Groups      []SecurityGroupID
	Description string
	Primary     string   // that the caller chose, or ""
	Secondary   []string // that the caller chose
	More        int      // secondary ones that any address will do for
}

// InterfaceFacts is what a decision about an interface has to know of the world.
type InterfaceFacts struct {
	VPC   VPC
	Group func(SecurityGroupID) (SecurityGroup, error)
	Used  map[netip.Addr]bool // addresses of the subnet; those that are given out are added
	Hint  uint32              // where to look for addresses first
}

// NewInterface returns an interface that is not attached to anything.
func NewInterface(f Fresh, limits Limits, w InterfaceFacts, s InterfaceSpec) (ENI, error) {
	groups, err := groupsIn(limits, w.VPC, s.Subnet.ID, w.Group, s.Groups)
	if err != nil {
		return ENI{}, err
	}
	all, err := w.first(s.Subnet, s.Primary, s.Secondary, s.More)
	if err != nil {
		return ENI{}, err
	}
	return NewENI(f, ENISpec{
		Owner: s.Owner, Subnet: s.Subnet, Address: all[0], Secondary: all[1:], Groups: groups, Description: s.Description,
	}), nil
}

// groupsIn returns the groups of an interface in a subnet of v: v's default one if
// none is named.
func groupsIn(limits Limits, v VPC, n SubnetID, find func(SecurityGroupID) (SecurityGroup, error), groups []SecurityGroupID) ([]SecurityGroupID, error) {
	if len(groups) == 0 {
		return []SecurityGroupID{v.DefaultGroup}, nil
	}
	return namedGroups(limits, v.ID, n, find, groups)
}

// namedGroups returns the groups, each once, if they are of the VPC v that the
// subnet n is in.
func namedGroups(limits Limits, v VPCID, n SubnetID, find func(SecurityGroupID) (SecurityGroup, error), groups []SecurityGroupID) ([]SecurityGroupID, error) {
	groups, err := limits.groups(groups)
	if err != nil {
		return nil, err
	}
	for _, id := range groups {
		g, err := find(id)
		if err != nil {
			return nil, err
		}
		if g.VPC != v {
			return nil, awserr.New("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, n)
		}
	}
	return groups, nil
}

// groups returns the groups, each once, if an interface may have so many. They are
// counted before anybody looks for them.
func (l Limits) groups(groups []SecurityGroupID) ([]SecurityGroupID, error) {
	groups = unique(groups)
	if len(groups) > l.GroupsPerInterface {
		return nil, awserr.New("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
	}
	return groups, nil
}

// maxAddresses is how many an interface may have: what AWS allows the largest machines.
const maxAddresses = 50

func tooManyAddresses() error {
	return awserr.New("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
}

// first returns the addresses of a new interface, the primary one first, and takes them:
// those that were chosen, and more that are free. Any will do for the primary if it is "".
func (w InterfaceFacts) first(n Subnet, primary string, secondary []string, more int) ([]netip.Addr, error) {
	chosen := secondary
	if primary != "" {
		chosen = append([]string{primary}, chosen...)
	}
	all, err := w.addresses(n, chosen, more)
	if err == nil && primary == "" {
		var one []netip.Addr
		one, err = w.addresses(n, nil, 1)
		all = append(one, all...)
	}
	if err == nil && len(all) > maxAddresses {
		err = tooManyAddresses()
	}
	return all, err
}

// addresses returns the chosen addresses and more that are free, and takes them.
func (w InterfaceFacts) addresses(n Subnet, chosen []string, more int) (all []netip.Addr, err error) {
	if more < 0 || more > maxAddresses {
		return nil, tooManyAddresses()
	}
	for _, text := range chosen {
		a, err := n.Choose(text, w.Used)
		if err != nil {
			return nil, err
		}
		w.Used[a] = true
		all = append(all, a)
	}
	for range more {
		a, err := n.Allocate(w.Used, w.Hint)
		if err != nil {
			return nil, err
		}
		w.Used[a] = true
		all = append(all, a)
	}
	return all, nil
}

// Owned returns nil if the interface's owner may change it: a service's is the service's.
func (e ENI) Owned() error {
	if e.RequesterManaged() {
		return awserr.New("AuthFailure", "You do not have permission to access the specified resource.")
	}
	return nil
}

// Assign returns e with more secondary addresses, and those. One that e has already
// is no error, and stays what it is.
func (e ENI) Assign(w InterfaceFacts, n Subnet, chosen []string, more int) (ENI, []netip.Addr, error) {
	if err := e.Owned(); err != nil {
		return e, nil, err
	}
	chosen = slices.DeleteFunc(slices.Clone(chosen), func(text string) bool {
		a, err := netip.ParseAddr(text)
		return err == nil && slices.Contains(e.Addresses, a)
	})
	added, err := w.addresses(n, chosen, more)
	if err != nil {
		return e, nil, err
	}
	e.Addresses = append(slices.Clone(e.Addresses), added...)
	if len(e.Addresses) > maxAddresses {
		return e, nil, tooManyAddresses()
	}
	return e, added, nil
}

// Unassign returns e without some of its secondary addresses.
func (e ENI) Unassign(addresses []string) (ENI, error) {
	if err := e.Owned(); err != nil {
		return e, err
	}
	e.Addresses = slices.Clone(e.Addresses)
	for _, text := range unique(addresses) {
		i := slices.IndexFunc(e.Addresses, func(a netip.Addr) bool { return a.String() == text })
		switch {
		case i < 0:
			return e, awserr.New("InvalidParameterValue", "Some of (%s) are not assigned to interface %s", text, e.ID)
		case i == 0:
			return e, awserr.New("InvalidParameterValue", "The primary IP address of an interface cannot be unassigned.")
		}
		e.Addresses = slices.Delete(e.Addresses, i, i+1)
	}
	return e, nil
}

// WithGroups returns e with other groups than those it has.
func (e ENI) WithGroups(limits Limits, w InterfaceFacts, groups []SecurityGroupID) (ENI, error) {
	var err error
	e.Groups, err = groupsIn(limits, w.VPC, e.Subnet, w.Group, groups)
	return e, err
}

// Delete returns e as it is after somebody wants it gone: hosts let go of it, then
// its addresses are free.
func (e ENI) Delete() (ENI, error) {
	if e.Attachment != nil {
		return e, awserr.New("InvalidParameterValue", "Network interface '%s' is currently in use.", e.ID)
	}
	e.Withdrawn = true
	return e, nil
}
