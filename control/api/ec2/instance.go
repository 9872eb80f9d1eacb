// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// defaultType is AWS's when none is asked for.
const defaultType = "m1.small"

func (s *Server) runInstances(ctx context.Context, c *api.Call, in *wire.RunInstancesInput) (*wire.RunInstancesOutput, error) {
	// EbsOptimized, Monitoring and the like say how fast or how watched a machine
	// is: here all are alike, so they are taken and mean nothing.
	if err := api.Only(in, "MaxCount", "MinCount", "ClientToken", "ImageId", "InstanceType", "KeyName", "NetworkInterfaces", "PrivateIpAddress",
		"SecurityGroupIds", "SecurityGroups", "SubnetId", "TagSpecifications", "UserData", "Placement",
		"EbsOptimized", "Monitoring", "InstanceInitiatedShutdownBehavior", "DisableApiTermination", "CreditSpecification", "BlockDeviceMappings"); err != nil {
		return nil, err
	}
	spec, err := s.instanceSpec(c, in)
	if err != nil {
		return nil, err
	}
	place, err := placement(in)
	if err != nil {
		return nil, err
	}
	out := new(wire.RunInstancesOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		id, err := tx.Once(spec.ClientToken, c.Scope(), in, func() (string, error) { return s.putInstances(tx, c, place, spec) })
		if err != nil {
			return err
		}
		rows := slices.Collect(func(yield func(vpc.Instance) bool) {
			for i := range tx.Instances.By("account", c.Owner()) {
				if string(i.Reservation) == id && !yield(i) {
					return
				}
			}
		})
		r := wireReservation(c, &tx.View, vpc.ReservationID(id), rows)
		out.Groups, out.Instances, out.OwnerId, out.ReservationId = r.Groups, r.Instances, r.OwnerId, r.ReservationId
		return nil
	})
}

func (s *Server) instanceSpec(c *api.Call, in *wire.RunInstancesInput) (spec vpc.InstanceSpec, err error) {
	spec = vpc.InstanceSpec{
		Owner: vpc.Meta{Account: c.Account, Region: c.Region}, Type: string(in.InstanceType), KeyName: value(in.KeyName),
		ClientToken: value(in.ClientToken), Min: int(value(in.MinCount)), Max: int(value(in.MaxCount)),
	}
	if spec.Type == "" {
		spec.Type = defaultType
	}
	if spec.Image, err = required("ImageId", in.ImageId); err != nil {
		return spec, err
	}
	user, err := base64.StdEncoding.DecodeString(value(in.UserData))
	if err != nil {
		return spec, awserr.New("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	spec.UserData = string(user)
	tags, err := s.tagsByKind(in.TagSpecifications, "instance", "network-interface", "volume")
	spec.Owner.Tags, spec.ENITags = tags["instance"], tags["network-interface"]
	return spec, err
}

// placed is where new instances go, as a request says it.
type placed struct {
	subnet, address, zone *string
	groups, groupNames    []string
}

// placement reads the subnet, address and groups, which a request gives either
// by themselves or as its first and only network interface.
func placement(in *wire.RunInstancesInput) (placed, error) {
	p := placed{subnet: in.SubnetId, address: in.PrivateIpAddress, groups: in.SecurityGroupIds, groupNames: in.SecurityGroups}
	if in.Placement != nil {
		if err := api.Only(in.Placement, "AvailabilityZone", "Tenancy"); err != nil {
			return p, err
		}
		p.zone = in.Placement.AvailabilityZone
	}
	if len(in.NetworkInterfaces) == 0 {
		return p, nil
	}
	if p.subnet != nil || len(p.groups)+len(p.groupNames) > 0 || p.address != nil {
		return p, awserr.New("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID, private IP address or security groups may not be specified on the same request")
	}
	n := in.NetworkInterfaces[0]
	if len(in.NetworkInterfaces) > 1 {
		return p, awserr.New("UnsupportedOperation", "More than one network interface at launch is not supported.")
	}
	if value(n.DeviceIndex) != 0 {
		return p, awserr.New("InvalidParameterCombination", "Each network interface requires a device index.")
	}
	if err := api.Only(&n, "DeviceIndex", "SubnetId", "PrivateIpAddress", "Groups", "DeleteOnTermination", "Description", "InterfaceType", "AssociatePublicIpAddress"); err != nil {
		return p, err
	}
	if value(n.AssociatePublicIpAddress) {
		return p, awserr.New("UnsupportedOperation", "The parameter AssociatePublicIpAddress is not supported.")
	}
	p.subnet, p.address, p.groups = n.SubnetId, n.PrivateIpAddress, n.Groups
	return p, nil
}

// putInstances decides on new instances and writes them; it returns the id of their reservation.
func (s *Server) putInstances(tx *store.Tx, c *api.Call, p placed, spec vpc.InstanceSpec) (string, error) {
	n, err := launchSubnet(&tx.View, c, p)
	if err != nil {
		return "", err
	}
	spec.Subnet, spec.Address = n, value(p.address)
	if spec.Groups, err = ids[vpc.SecurityGroupID](vpc.SecurityGroupIDs, p.groups); err != nil {
		return "", err
	}
	for _, name := range p.groupNames {
		g, err := groupInVPC(&tx.View, n.VPC, name)
		if err != nil {
			return "", err
		}
		spec.Groups = append(spec.Groups, g.ID)
	}
	v, _ := tx.VPCs.Get(string(n.VPC))
	all, err := vpc.Launch(fresh(tx), vpc.InstanceFacts{
		VPC: v,
		Group: func(id vpc.SecurityGroupID) (vpc.SecurityGroup, error) {
			return find(tx.View.SecurityGroups, c, vpc.SecurityGroupIDs, string(id))
		},
		Used:  addressesIn(&tx.View, n.ID),
		Place: func() (string, bool) { return s.place(&tx.View) },
		Hint:  hint(c.RequestID),
	}, spec)
	if err != nil {
		return "", err
	}
	for _, l := range all {
		tx.Instances.Put(l.Instance)
		tx.ENIs.Put(l.ENI)
	}
	return string(all[0].Instance.Reservation), nil
}

// launchSubnet is the subnet that is named, or the default one of the zone.
func launchSubnet(v *store.View, c *api.Call, p placed) (vpc.Subnet, error) {
	if p.subnet != nil {
		return find(v.Subnets, c, vpc.SubnetIDs, *p.subnet)
	}
	d, ok := defaultVPC(v, c)
	if !ok {
		return vpc.Subnet{}, awserr.New("MissingInput", "No subnets found for the default VPC: name a subnet with SubnetId.")
	}
	for n := range v.Subnets.By("vpc", string(d.ID)) {
		if n.Default && (p.zone == nil || *p.zone == n.Zone) {
			return n, nil
		}
	}
	return vpc.Subnet{}, awserr.New("MissingInput", "No default subnet found in the availability zone: name a subnet with SubnetId.")
}

// place picks the live host with the fewest instances.
func (s *Server) place(v *store.View) (string, bool) {
	if s.hosts == nil {
		return "", false
	}
	best, fewest := "", 0
	for _, h := range s.hosts() {
		n := count(v.Instances.By("host", h), func(i vpc.Instance) bool { return i.Status.Gone.IsZero() })
		if best == "" || n < fewest {
			best, fewest = h, n
		}
	}
	return best, best != ""
}

func (s *Server) terminateInstances(ctx context.Context, c *api.Call, in *wire.TerminateInstancesInput) (*wire.TerminateInstancesOutput, error) {
	if err := api.Only(in, "InstanceIds"); err != nil {
		return nil, err
	}
	out := new(wire.TerminateInstancesOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		out.TerminatingInstances = []wire.InstanceStateChange{}
		var missing []string
		for _, id := range in.InstanceIds {
			if _, err := vpc.ParseID[string](vpc.InstanceIDs, id); err != nil {
				return err
			}
			i, ok := tx.Instances.Get(id)
			if !ok || !owns(c, i) || i.Forgotten(tx.Now()) {
				missing = append(missing, id)
				continue
			}
			after := i.Terminate()
			tx.Instances.Put(after)
			out.TerminatingInstances = append(out.TerminatingInstances, wire.InstanceStateChange{
				CurrentState: wireState(after), InstanceId: new(id), PreviousState: wireState(i),
			})
		}
		switch len(missing) {
		case 0:
			return nil
		case 1:
			return vpc.InstanceIDs.NotFound(missing[0])
		}
		return awserr.New("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(missing, ", "))
	})
}
