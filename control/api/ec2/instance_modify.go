// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) modifyInstanceAttribute(ctx context.Context, c *api.Call, in *wire.ModifyInstanceAttributeInput) (*wire.ModifyInstanceAttributeOutput, error) {
	change, err := instanceChange(in)
	if err != nil {
		return nil, err
	}
	return new(wire.ModifyInstanceAttributeOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		i, err := needInstance(&tx.View, c, s, in.InstanceId)
		if err != nil {
			return err
		}
		n, _ := tx.Subnets.Get(string(i.Subnet))
		after, eni, err := i.Modify(s.limits, vpc.InstanceInterfaces{
			Have: interfacesOf(&tx.View, i), Subnet: n,
			Group: func(id vpc.SecurityGroupID) (vpc.SecurityGroup, error) {
				return find(tx.View.SecurityGroups, c, vpc.SecurityGroupIDs, string(id))
			},
		}, change)
		if err != nil {
			return err
		}
		if eni != nil {
			tx.ENIs.Put(*eni)
			return nil
		}
		tx.Instances.Put(after)
		return nil
	})
}

// instanceChange is what the request asks for, each attribute by its own field or
// by its name and a value.
func instanceChange(in *wire.ModifyInstanceAttributeInput) (c vpc.InstanceChange, err error) {
	if err := api.Only(in, "InstanceId", "Attribute", "Value", "DisableApiStop", "DisableApiTermination", "EbsOptimized", "Groups",
		"InstanceInitiatedShutdownBehavior", "InstanceType", "SourceDestCheck", "UserData"); err != nil {
		return c, err
	}
	for _, b := range []struct {
		to    **bool
		given *wire.AttributeBooleanValue
	}{{&c.KeepFromStop, in.DisableApiStop}, {&c.KeepFromTermination, in.DisableApiTermination}, {&c.EBSOptimized, in.EbsOptimized}, {&c.SourceCheck, in.SourceDestCheck}} {
		if b.given != nil {
			*b.to = new(value(b.given.Value))
		}
	}
	if len(in.Groups) > 0 {
		if c.Groups, err = ids[vpc.SecurityGroupID](vpc.SecurityGroupIDs, in.Groups); err != nil {
			return c, err
		}
	}
	if a := in.InstanceInitiatedShutdownBehavior; a != nil {
		c.ShutdownBehavior = new(value(a.Value))
	}
	if a := in.InstanceType; a != nil {
		c.Type = new(value(a.Value))
	}
	if a := in.UserData; a != nil {
		c.UserData = new(vpc.UserData(a.Value))
	}
	return c, named(&c, string(in.Attribute), value(in.Value))
}

// named adds the attribute with the name to c, if there is one.
func named(c *vpc.InstanceChange, name, text string) error {
	var flag **bool
	switch name {
	case "":
		return nil
	case "instanceType":
		c.Type = &text
	case "instanceInitiatedShutdownBehavior":
		c.ShutdownBehavior = &text
	case "userData":
		b, err := userData(text)
		c.UserData = new(vpc.UserData(b))
		return err
	case "disableApiTermination":
		flag = &c.KeepFromTermination
	case "disableApiStop":
		flag = &c.KeepFromStop
	case "ebsOptimized":
		flag = &c.EBSOptimized
	case "sourceDestCheck":
		flag = &c.SourceCheck
	default:
		return awserr.New("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", name)
	}
	if flag == nil {
		return nil
	}
	switch lower := strings.ToLower(text); lower {
	case "true", "false":
		*flag = new(lower == "true")
		return nil
	}
	return awserr.New("InvalidParameterValue", "Value (%s) for parameter value is invalid. It must be true or false.", text)
}

func (s *Server) modifyInstanceMetadataOptions(ctx context.Context, c *api.Call, in *wire.ModifyInstanceMetadataOptionsInput) (*wire.ModifyInstanceMetadataOptionsOutput, error) {
	out := &wire.ModifyInstanceMetadataOptionsOutput{InstanceId: in.InstanceId}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		i, err := needInstance(&tx.View, c, s, in.InstanceId)
		if err != nil {
			return err
		}
		i, err = i.SetMetadata(metadataChange(wire.InstanceMetadataOptionsRequest{
			HttpEndpoint: in.HttpEndpoint, HttpProtocolIpv6: in.HttpProtocolIpv6, HttpPutResponseHopLimit: in.HttpPutResponseHopLimit,
			HttpTokens: in.HttpTokens, InstanceMetadataTags: in.InstanceMetadataTags,
		}))
		if err != nil {
			return err
		}
		tx.Instances.Put(i)
		out.InstanceMetadataOptions = wireMetadata(i.Metadata)
		out.InstanceMetadataOptions.State = "pending"
		return nil
	})
}
