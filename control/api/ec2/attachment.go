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

func (s *Server) attachNetworkInterface(ctx context.Context, c *api.Call, in *wire.AttachNetworkInterfaceInput) (*wire.AttachNetworkInterfaceOutput, error) {
	if err := api.Only(in, "DeviceIndex", "InstanceId", "NetworkInterfaceId", "NetworkCardIndex"); err != nil {
		return nil, err
	}
	switch {
	case in.DeviceIndex == nil:
		return nil, awserr.New("MissingParameter", "The request must contain the parameter DeviceIndex")
	case value(in.NetworkCardIndex) != 0:
		return nil, awserr.New("UnsupportedOperation", "The network card index %d is not supported.", *in.NetworkCardIndex)
	}
	out := &wire.AttachNetworkInterfaceOutput{NetworkCardIndex: new(int32(0))}
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		e, err := needInterface(&tx.View, c, in.NetworkInterfaceId)
		if err != nil {
			return err
		}
		i, err := need(tx.View.Instances, c, vpc.InstanceIDs, "InstanceId", in.InstanceId)
		if err != nil {
			return err
		}
		if e, i, err = e.Attach(fresh(tx), i, interfacesOf(&tx.View, i), int(*in.DeviceIndex)); err != nil {
			return err
		}
		tx.ENIs.Put(e)
		tx.Instances.Put(i)
		out.AttachmentId = new(e.Attachment.ID)
		return nil
	})
}

// detachNetworkInterface takes the interface away at once: Force changes nothing.
func (s *Server) detachNetworkInterface(ctx context.Context, c *api.Call, in *wire.DetachNetworkInterfaceInput) (*wire.DetachNetworkInterfaceOutput, error) {
	id, err := required("AttachmentId", in.AttachmentId)
	if err != nil {
		return nil, err
	}
	if vpc.ServiceAttachmentIDs.Is(id) {
		return nil, awserr.New("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
	}
	if _, err := vpc.ParseID[string](vpc.AttachmentIDs, id); err != nil {
		return nil, err
	}
	return new(wire.DetachNetworkInterfaceOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		for e := range tx.ENIs.By("account", c.Owner()) {
			if e.Withdrawn || value(e.Attachment).ID != id {
				continue
			}
			i, err := find(tx.View.Instances, c, vpc.InstanceIDs, string(e.Attachment.Instance))
			if err != nil {
				return err
			}
			if e, i, err = e.Detach(i); err != nil {
				return err
			}
			tx.ENIs.Put(e)
			tx.Instances.Put(i)
			return nil
		}
		return vpc.AttachmentIDs.NotFound(id)
	})
}
