// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

func (s *Server) describeNetworkInterfaceAttribute(_ context.Context, c *api.Call, in *wire.DescribeNetworkInterfaceAttributeInput) (*wire.DescribeNetworkInterfaceAttributeOutput, error) {
	if _, err := required("Attribute", new(string(in.Attribute))); err != nil {
		return nil, err
	}
	v := s.store.View()
	e, err := needInterface(v, c, in.NetworkInterfaceId)
	if err != nil {
		return nil, err
	}
	full := wireInterface(c, v, e)
	out := &wire.DescribeNetworkInterfaceAttributeOutput{NetworkInterfaceId: in.NetworkInterfaceId}
	switch in.Attribute {
	case "description":
		out.Description = &wire.AttributeValue{Value: full.Description}
	case "groupSet":
		out.Groups = full.Groups
	case "sourceDestCheck":
		out.SourceDestCheck = &wire.AttributeBooleanValue{Value: full.SourceDestCheck}
	case "attachment":
		out.Attachment = full.Attachment
	case "associatePublicIpAddress":
		out.AssociatePublicIpAddress = new(e.WantsPublic)
	default:
		return nil, awserr.New("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

func (s *Server) modifyNetworkInterfaceAttribute(ctx context.Context, c *api.Call, in *wire.ModifyNetworkInterfaceAttributeInput) (*wire.ModifyNetworkInterfaceAttributeOutput, error) {
	if err := api.Only(in, "NetworkInterfaceId", "Attachment", "Description", "Groups", "SourceDestCheck"); err != nil {
		return nil, err
	}
	given := howMany(in.Attachment != nil, in.Description != nil, len(in.Groups) > 0, in.SourceDestCheck != nil)
	switch {
	case given == 0:
		return nil, awserr.New("InvalidParameterCombination", "No attributes specified.")
	case given > 1:
		return nil, awserr.New("InvalidParameterCombination", "Fields for multiple attribute types specified.")
	}
	return new(wire.ModifyNetworkInterfaceAttributeOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := needInterface(&tx.View, c, in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		if err := e.Owned(); err != nil {
			return err
		}
		switch {
		case in.Description != nil:
			e.Description = value(in.Description.Value)
		case in.SourceDestCheck != nil:
			e.NoSourceCheck = !value(in.SourceDestCheck.Value)
		case in.Attachment != nil:
			e, err = changedAttachment(e, *in.Attachment)
		default:
			e, err = s.changedGroups(tx, c, e, in.Groups)
		}
		if err != nil {
			return err
		}
		tx.ENIs.Put(e)
		return nil
	})
}

func changedAttachment(e vpc.ENI, in wire.NetworkInterfaceAttachmentChanges) (vpc.ENI, error) {
	if err := api.Only(&in, "AttachmentId", "DeleteOnTermination"); err != nil {
		return e, err
	}
	id, err := required("Attachment.AttachmentId", in.AttachmentId)
	if err != nil {
		return e, err
	}
	if in.DeleteOnTermination == nil {
		return e, awserr.New("MissingParameter", "The request must contain the parameter Attachment.DeleteOnTermination")
	}
	return e.KeepWith(id, *in.DeleteOnTermination)
}

func (s *Server) changedGroups(tx *store.Tx, c *api.Call, e vpc.ENI, groups []string) (vpc.ENI, error) {
	parsed, err := ids[vpc.SecurityGroupID](vpc.SecurityGroupIDs, groups)
	if err != nil {
		return e, err
	}
	n, _ := tx.Subnets.Get(string(e.Subnet))
	return e.WithGroups(s.limits, interfaceFacts(tx, c, n), parsed)
}
