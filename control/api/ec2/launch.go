// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// placed is where new instances go, as a request says it.
type placed struct {
	subnet, address, zone *string
	secondary             []string // further addresses
	more                  int      // how many of them any address will do for
	groups, groupNames    []string
	description           string         // of the interface
	keep                  bool           // the interface outlives its instance
	public                *bool          // it gets a public address; nil: as its subnet has it
	attached              map[int]string // ids of interfaces that are there already, by device
}

// placement reads the zone, and the subnet, address and groups, which a request
// gives either by themselves or as its first and only network interface.
func placement(c *api.Call, in *wire.RunInstancesInput) (placed, error) {
	p := placed{subnet: in.SubnetId, address: in.PrivateIpAddress, groups: in.SecurityGroupIds, groupNames: in.SecurityGroups}
	if in.Placement != nil {
		if err := api.Only(in.Placement, "AvailabilityZone", "Tenancy"); err != nil {
			return p, err
		}
		if t := in.Placement.Tenancy; t != "" && t != "default" {
			return p, awserr.New("UnsupportedOperation", "The tenancy %s is not supported.", t)
		}
		r, _ := region.Of(c.Region)
		p.zone = text(value(in.Placement.AvailabilityZone)) // Terraform sends an empty one
		if p.zone != nil && !slices.Contains(r.ZoneNames(), *p.zone) {
			return p, awserr.New("InvalidParameterValue", "Invalid availability zone: [%s]", *p.zone)
		}
	}
	if p.subnet != nil && len(p.groupNames) > 0 {
		return p, awserr.New("InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet")
	}
	if len(in.NetworkInterfaces) == 0 {
		return p, nil
	}
	for _, x := range []struct {
		given bool
		what  string
	}{{p.subnet != nil, "subnet ID"}, {len(p.groups)+len(p.groupNames) > 0, "security groups"}, {p.address != nil, "private IP address"}} {
		if x.given {
			return p, awserr.New("InvalidParameterCombination", "Network interfaces and an instance-level %s may not be specified on the same request", x.what)
		}
	}
	return p.onInterfaces(in.NetworkInterfaces)
}

// launchSubnet is the subnet that is named, or the default one of the zone.
func launchSubnet(v *store.View, c *api.Call, p placed) (vpc.Subnet, error) {
	if p.subnet != nil {
		n, err := find(v.Subnets, c, vpc.SubnetIDs, *p.subnet)
		if err == nil && p.zone != nil && *p.zone != n.Zone {
			err = awserr.New("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnet '%s' is in the availability zone %s", *p.zone, n.ID, n.Zone)
		}
		return n, err
	}
	d, ok := defaultVPC(v, c)
	if !ok {
		return vpc.Subnet{}, awserr.New("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	r, _ := region.Of(c.Region)
	for _, zone := range r.ZoneNames() {
		for n := range v.Subnets.By("vpc", string(d.ID)) {
			if n.Default && n.Zone == zone && (p.zone == nil || *p.zone == zone) {
				return n, nil
			}
		}
	}
	if p.zone != nil {
		return vpc.Subnet{}, awserr.New("MissingInput", "No default subnet for availability zone: '%s'.", *p.zone)
	}
	return vpc.Subnet{}, awserr.New("MissingInput", "No subnets found for the default VPC '%s'. Please specify a subnet.", d.ID)
}

// placer gives each new instance the live host that has the fewest.
func (s *Server) placer(v *store.View) func() (host string, ok bool) {
	var hosts []string
	if s.hosts != nil {
		hosts = s.hosts()
	}
	has := map[string]int{}
	for _, h := range hosts {
		has[h] = count(v.Instances.By("host", h), func(i vpc.Instance) bool { return i.Status.Gone.IsZero() })
	}
	return func() (string, bool) {
		best := ""
		for _, h := range hosts {
			if best == "" || has[h] < has[best] {
				best = h
			}
		}
		has[best]++
		return best, best != ""
	}
}
