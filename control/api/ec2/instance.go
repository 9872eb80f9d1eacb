// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	"enishi.dev/enishi/aws/instancetype"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) runInstances(ctx context.Context, c *api.Call, in *wire.RunInstancesInput) (*wire.RunInstancesOutput, error) {
	if err := usualOptions(in); err != nil {
		return nil, err
	}
	// How fast or how watched a machine is is kept and given back, and means nothing.
	if err := api.Only(in, "MaxCount", "MinCount", "ClientToken", "ImageId", "InstanceType", "KeyName", "NetworkInterfaces", "PrivateIpAddress",
		"SecurityGroupIds", "SecurityGroups", "SubnetId", "TagSpecifications", "UserData", "Placement",
		"MetadataOptions", "DisableApiTermination", "DisableApiStop", "InstanceInitiatedShutdownBehavior",
		"EbsOptimized", "Monitoring", "CreditSpecification", "BlockDeviceMappings",
		"CapacityReservationSpecification", "CpuOptions", "MaintenanceOptions", "PrivateDnsNameOptions"); err != nil {
		return nil, err
	}
	spec, err := s.instanceSpec(c, in)
	if err != nil {
		return nil, err
	}
	place, err := placement(c, in)
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
		DataOnly: s.dataOnly,
		Owner:    vpc.Meta{Account: c.Account, Region: c.Region}, Type: string(in.InstanceType), KeyName: value(in.KeyName),
		Min: int(value(in.MinCount)), Max: int(value(in.MaxCount)),
		KeepFromTermination: value(in.DisableApiTermination), KeepFromStop: value(in.DisableApiStop), ShutdownBehavior: string(in.InstanceInitiatedShutdownBehavior),
	}
	if spec.ClientToken, err = clientToken(in.ClientToken); err != nil {
		return spec, err
	}
	if spec.Type == "" {
		spec.Type = instancetype.Default
	}
	if spec.Image, err = required("ImageId", in.ImageId); err != nil {
		return spec, err
	}
	if spec.UserData, err = userData(value(in.UserData)); err != nil {
		return spec, err
	}
	spec.EBSOptimized = value(in.EbsOptimized)
	if o := in.Monitoring; o != nil {
		spec.Monitored = value(o.Enabled)
	}
	if o := in.CreditSpecification; o != nil {
		spec.CPUCredits = value(o.CpuCredits)
	}
	if o := in.MetadataOptions; o != nil {
		if spec.Metadata, err = spec.Metadata.Change(metadataChange(*o)); err != nil {
			return spec, err
		}
	}
	tags, err := s.tagsByKind(in.TagSpecifications, "instance", "network-interface", "volume")
	spec.Owner.Tags, spec.ENITags = tags["instance"], tags["network-interface"]
	return spec, err
}

// putInstances decides on new instances and writes them; it returns the id of their reservation.
func (s *Server) putInstances(tx *store.Tx, c *api.Call, p placed, spec vpc.InstanceSpec) (string, error) {
	var err error
	if spec.Attached, err = attachedInterfaces(&tx.View, c, p.attached); err != nil {
		return "", err
	}
	if e, ok := spec.Attached[0]; ok {
		p.subnet = new(string(e.Subnet))
	}
	n, err := launchSubnet(&tx.View, c, p)
	if err != nil {
		return "", err
	}
	spec.Subnet, spec.Address, spec.Description, spec.Keep, spec.Public = n, value(p.address), p.description, p.keep, p.public
	spec.Secondary, spec.More = p.secondary, p.more
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
	all, err := vpc.Launch(fresh(tx), s.limits, vpc.InstanceFacts{
		VPC:   v,
		Group: groupFinder(&tx.View, c),
		Used:  addressesIn(&tx.View, n.ID),
		Place: s.placer(&tx.View),
		Have:  count(tx.Instances.By("account", c.Owner()), func(i vpc.Instance) bool { return i.Status.Gone.IsZero() }),
		Hint:  hint(c.RequestID),

		Public: publicAddresses(tx, c),
	}, spec)
	if err != nil {
		return "", err
	}
	for _, l := range all {
		tx.Instances.Put(l.Instance)
		for _, e := range l.ENIs {
			tx.ENIs.Put(e)
		}
	}
	return string(all[0].Instance.Reservation), nil
}
