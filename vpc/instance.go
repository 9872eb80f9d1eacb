// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"
	"net/netip"
	"regexp"

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
	Address     string // that the caller chose, or ""
	Groups      []SecurityGroupID
	Description string // of the interface
	UserData    []byte
	ClientToken string
	Min, Max    int
	Metadata    MetadataOptions

	KeepFromTermination, KeepFromStop bool
	ShutdownBehavior                  string
}

// InstanceFacts is what a decision about instances has to know of the world.
type InstanceFacts struct {
	VPC   VPC
	Group func(SecurityGroupID) (SecurityGroup, error)
	Used  map[netip.Addr]bool           // addresses of the subnet; those that are given out are added
	Place func() (host string, ok bool) // for one instance more
	Have  int                           // the owner's instances that are not gone
	Hint  uint32                        // where to look for addresses first
}

// Launched is one new instance with its interface.
type Launched struct {
	Instance Instance
	ENI      ENI
}

var (
	imageID      = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	instanceType = regexp.MustCompile(`^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|metal|[0-9]*xlarge|metal-[0-9a-z]+)$`)
)

// check refuses what no instance can be.
func (s InstanceSpec) check() error {
	switch {
	case !imageID.MatchString(s.Image):
		return awserr.New("InvalidAMIID.Malformed", `Invalid id: "%s" (expecting "ami-...")`, s.Image)
	case s.Min < 1:
		return awserr.New("InvalidParameterValue", "Value (%d) for parameter minCount is invalid. Minimum is 1.", s.Min)
	case s.Max < s.Min:
		return awserr.New("InvalidParameterCombination", "The parameter minCount (%d) is larger than maxCount (%d).", s.Min, s.Max)
	case s.Max > 1 && s.Address != "":
		return awserr.New("InvalidParameterCombination", "You cannot specify a private IP address for more than one instance.")
	}
	return cmp.Or(checkType(s.Type), checkShutdown(s.ShutdownBehavior), checkUserData(s.UserData), s.Metadata.checkTags(s.Owner.Tags))
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
	groups, err := s.groups(w)
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

func (s InstanceSpec) groups(w InstanceFacts) ([]SecurityGroupID, error) {
	if len(s.Groups) == 0 {
		return []SecurityGroupID{w.VPC.DefaultGroup}, nil
	}
	return groupsIn(s.Subnet, w.Group, s.Groups)
}

// groupsIn returns the groups, each once, if interfaces of the subnet may have them.
func groupsIn(n Subnet, group func(SecurityGroupID) (SecurityGroup, error), ids []SecurityGroupID) ([]SecurityGroupID, error) {
	for _, id := range ids {
		g, err := group(id)
		if err != nil {
			return nil, err
		}
		if g.VPC != n.VPC {
			return nil, awserr.New("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, n.ID)
		}
	}
	return unique(ids), nil
}

func (s InstanceSpec) launch(f Fresh, w InstanceFacts, groups []SecurityGroupID, r ReservationID, index int) (Launched, error) {
	var a netip.Addr
	var err error
	if s.Address != "" {
		a, err = s.Subnet.Choose(s.Address, w.Used)
	} else {
		a, err = s.Subnet.Allocate(w.Used, w.Hint+uint32(index))
	}
	if err != nil {
		return Launched{}, err
	}
	host, ok := w.Place()
	if !ok {
		return Launched{}, awserr.New("InsufficientInstanceCapacity", "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s).", s.Type, s.Subnet.Zone)
	}
	w.Used[a] = true
	i := Instance{
		Meta: s.Owner, ID: InstanceID(f.ID("i")), Reservation: r, Image: s.Image, Type: s.Type, KeyName: s.KeyName,
		VPC: s.Subnet.VPC, Subnet: s.Subnet.ID, Zone: s.Subnet.Zone, Host: host, UserData: s.UserData,
		ClientToken: s.ClientToken, LaunchIndex: index, PowerWanted: PowerOn, Metadata: s.Metadata,
		KeepFromTermination: s.KeepFromTermination, KeepFromStop: s.KeepFromStop, ShutdownBehavior: s.ShutdownBehavior,
	}
	i.Created = f.Now
	eni := NewENI(f, ENISpec{Owner: Meta{Account: s.Owner.Account, Region: s.Owner.Region, Tags: s.ENITags}, Subnet: s.Subnet, Address: a, Groups: groups, Description: s.Description})
	eni.Attachment = &Attachment{ID: f.ID("eni-attach"), Instance: i.ID, DeleteOnTermination: true, At: f.Now}
	i.ENIs = []ENIID{eni.ID}
	return Launched{i, eni}, nil
}
