// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// maxInterfaces is how many an instance of any type may have; AWS has a number
// for each type, and this for the largest.
const maxInterfaces = 15

// Attach returns e as i's interface with the device number, and i with it. have
// are the interfaces that i has.
func (e ENI) Attach(f Fresh, i Instance, have []ENI, device int) (ENI, Instance, error) {
	if err := e.checkAttach(i, device); err != nil {
		return e, i, err
	}
	for _, other := range have {
		if other.ID == e.ID {
			return e, i, inUse(e.ID)
		}
		if other.Attachment.Device == device {
			return e, i, awserr.New("InvalidParameterValue", "Instance '%s' already has an interface attached at device index '%d'.", i.ID, device)
		}
	}
	if len(have) >= maxInterfaces {
		return e, i, awserr.New("AttachmentLimitExceeded", "Interface count %d exceeds the limit for %s", len(have)+1, i.Type)
	}
	e.Attachment = &Attachment{ID: f.ID("eni-attach"), Instance: i.ID, Device: device, At: f.Now}
	have = append(slices.Clone(have), e)
	slices.SortFunc(have, func(a, b ENI) int { return cmp.Compare(a.Attachment.Device, b.Attachment.Device) })
	i.ENIs = nil
	for _, x := range have {
		i.ENIs = append(i.ENIs, x.ID)
	}
	return e, i, nil
}

func (e ENI) checkAttach(i Instance, device int) error {
	if err := e.Owned(); err != nil {
		return err
	}
	switch {
	case device < 0:
		return awserr.New("InvalidParameterValue", "Value (%d) for parameter deviceIndex is invalid. It must not be negative.", device)
	case e.Attachment != nil:
		return inUse(e.ID)
	case i.onTheWay():
		return onTheWay(i.ID)
	case e.Zone != i.Zone:
		return awserr.New("InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone")
	case e.VPC != i.VPC:
		return awserr.New("InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same VPC")
	}
	return nil
}

// onTheWay says that the instance is stopping or ending: its interfaces stay what
// they are while its host ends its processes.
func (i Instance) onTheWay() bool { return i.PowerWanted != PowerOn && i.State().Name != "stopped" }

func onTheWay(id InstanceID) error {
	return awserr.New("IncorrectState", "Instance '%s' is not 'running' or 'stopped'.", id)
}

func inUse(id ENIID) error {
	return awserr.New("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", id)
}

// Detach returns e free, and i without it. The first one stays for life.
func (e ENI) Detach(i Instance) (ENI, Instance, error) {
	switch {
	case e.Attachment.Device == 0:
		return e, i, awserr.New("OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached.")
	case i.onTheWay():
		return e, i, onTheWay(i.ID)
	}
	e.Attachment = nil
	i.ENIs = slices.DeleteFunc(slices.Clone(i.ENIs), func(id ENIID) bool { return id == e.ID })
	return e, i, nil
}

// KeepWith returns e as one that goes with its instance, or outlives it. attachment
// is the id of the tie between them.
func (e ENI) KeepWith(attachment string, deleteOnTermination bool) (ENI, error) {
	if e.Attachment == nil || e.Attachment.ID != attachment {
		return e, AttachmentIDs.NotFound(attachment)
	}
	a := *e.Attachment
	a.DeleteOnTermination = deleteOnTermination
	e.Attachment = &a
	return e, nil
}

// Release returns e as it is when its instance is gone: withdrawn with it, or free.
func (e ENI) Release() ENI {
	if e.Attachment != nil && e.Attachment.Instance != "" && !e.Attachment.DeleteOnTermination {
		e.Attachment = nil
		return e
	}
	e.Withdrawn = true
	return e
}
