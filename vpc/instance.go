// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// InstanceSpec is what is asked of new instances.
type InstanceSpec struct {
	Owner       Meta
	ENITags     map[string]string
	Image       string
	Type        string
	KeyName     string
	Subnet      Subnet
	Address     string   // that the caller chose, or ""
	Secondary   []string // that the caller chose
	More        int      // secondary ones that any address will do for
	Groups      []SecurityGroupID
	Description string // of the interface
	Keep        bool   // the interface outlives its instance
	Public      *bool  // the interface gets a public address; nil: if its subnet says so
	// Attached are interfaces that are there already, by device: the one instance
	// gets them. One as device 0 takes the place of a new interface.
	Attached    map[int]ENI
	UserData    UserData
	DataOnly    bool
	ClientToken string
	Min, Max    int
	Metadata    MetadataOptions

	KeepFromTermination, KeepFromStop bool
	ShutdownBehavior                  string
	CPUCredits                        string // standard, unlimited; "": as the type has it
	Monitored, EBSOptimized           bool
}

// InstanceFacts is what a decision about instances has to know of the world.
type InstanceFacts struct {
	VPC   VPC
	Group func(SecurityGroupID) (SecurityGroup, error)
	Used  map[netip.Addr]bool           // addresses of the subnet; those that are given out are added
	Place func() (host string, ok bool) // for one instance more
	Have  int                           // the owner's instances that are not gone
	Hint  uint32                        // where to look for addresses first
	// Public gives a public address that nobody has.
	Public func() (netip.Addr, error)
}

// Launched is one new instance with its interfaces, by device.
type Launched struct {
	Instance Instance
	ENIs     []ENI
}

// check refuses what no instance can be.
func (s InstanceSpec) check() error {
	_, err := ParseID[string](ImageIDs, s.Image)
	if err := cmp.Or(err, checkType(s.Type)); err != nil {
		return err
	}
	switch {
	case s.Min < 1:
		return awserr.New("InvalidParameterValue", "Value (%d) for parameter minCount is invalid. Minimum is 1.", s.Min)
	case s.Max < s.Min:
		return awserr.New("InvalidParameterCombination", "The parameter minCount (%d) is larger than maxCount (%d).", s.Min, s.Max)
	case s.Max > 1 && (s.Address != "" || len(s.Secondary) > 0):
		return awserr.New("InvalidParameterCombination", "You cannot specify a private IP address for more than one instance.")
	case s.Max > 1 && len(s.Attached) > 0:
		return awserr.New("InvalidParameterCombination", "You cannot specify a network interface ID for more than one instance.")
	}
	return cmp.Or(checkShutdown(s.ShutdownBehavior), checkCredits(s.Type, s.CPUCredits), checkUserData(s.UserData), s.Metadata.checkTags(s.Owner.Tags))
}

// Launch returns between Min and Max new instances, as many as the quota allows
// and there are addresses and hosts for.
func Launch(f Fresh, limits Limits, w InstanceFacts, s InstanceSpec) ([]Launched, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	left := max(0, limits.Instances-w.Have)
	if s.Min > left {
		return nil, awserr.New("InstanceLimitExceeded", "Your quota allows for %d more running instance(s). You requested at least %d", left, s.Min)
	}
	s.Max = min(s.Max, left)
	groups, err := groupsIn(limits, w.VPC, s.Subnet.ID, w.Group, s.Groups)
	if err != nil {
		return nil, err
	}
	reservation := ReservationID(f.ID("r"))
	var all []Launched
	for len(all) < s.Max {
		l, err := s.launch(f, w, groups, reservation, len(all))
		if err != nil {
			if len(all) >= s.Min {
				break
			}
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (s InstanceSpec) launch(f Fresh, w InstanceFacts, groups []SecurityGroupID, r ReservationID, index int) (Launched, error) {
	all, err := s.addresses(w, index)
	if err != nil {
		return Launched{}, err
	}
	host, ok := w.Place()
	if !ok {
		return Launched{}, awserr.New("InsufficientInstanceCapacity", "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s).", s.Type, s.Subnet.Zone)
	}
	i := Instance{
		Meta: s.Owner, ID: InstanceID(f.ID("i")), Reservation: r, Image: s.Image, Type: s.Type, KeyName: s.KeyName,
		VPC: s.Subnet.VPC, Subnet: s.Subnet.ID, Zone: s.Subnet.Zone, Host: host, UserData: s.UserData, DataOnly: s.DataOnly,
		ClientToken: s.ClientToken, LaunchIndex: index, PowerWanted: PowerOn, Metadata: s.Metadata,
		KeepFromTermination: s.KeepFromTermination, KeepFromStop: s.KeepFromStop, ShutdownBehavior: s.ShutdownBehavior,
		CPUCredits: s.CPUCredits, Monitored: s.Monitored, EBSOptimized: s.EBSOptimized,
	}
	i.Created = f.Now
	var enis []ENI
	if len(all) > 0 {
		e := NewENI(f, ENISpec{
			Owner: Meta{Account: s.Owner.Account, Region: s.Owner.Region, Tags: s.ENITags}, Subnet: s.Subnet,
			Address: all[0], Secondary: all[1:], Groups: groups, Description: s.Description,
		})
		if e, i, err = e.Attach(f, i, nil, 0); err != nil {
			return Launched{}, err
		}
		e.Attachment.DeleteOnTermination = !s.Keep
		if s.wantsPublic() {
			if e, err = e.Mapped(w.Public); err != nil {
				return Launched{}, err
			}
		}
		enis = append(enis, e)
	}
	for _, device := range slices.Sorted(maps.Keys(s.Attached)) {
		var e ENI
		if e, i, err = s.Attached[device].Attach(f, i, enis, device); err != nil {
			return Launched{}, err
		}
		enis = append(enis, e)
	}
	return Launched{i, enis}, nil
}

// addresses are those of the new interface; none, if an interface is there already.
func (s InstanceSpec) addresses(w InstanceFacts, index int) ([]netip.Addr, error) {
	if _, ok := s.Attached[0]; ok {
		return nil, nil
	}
	return InterfaceFacts{Used: w.Used, Hint: w.Hint + uint32(index)}.first(s.Subnet, s.Address, s.Secondary, s.More)
}
