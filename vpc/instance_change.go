// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/instancetype"
)

// InstanceChange is what ModifyInstanceAttribute asks for; nil leaves as it is.
type InstanceChange struct {
	KeepFromTermination *bool
	KeepFromStop        *bool
	EBSOptimized        *bool
	ShutdownBehavior    *string
	UserData            *UserData
	Type                *string
	SourceCheck         *bool             // of its interface
	Groups              []SecurityGroupID // of its interface; nil leaves them
}

// wants is how many attributes the change is about.
func (c InstanceChange) wants() (n int) {
	for _, given := range []bool{
		c.KeepFromTermination != nil, c.KeepFromStop != nil, c.ShutdownBehavior != nil, c.UserData != nil,
		c.Type != nil, c.EBSOptimized != nil, c.SourceCheck != nil, c.Groups != nil,
	} {
		if given {
			n++
		}
	}
	return n
}

// InstanceInterfaces is what a change has to know of an instance's interfaces.
type InstanceInterfaces struct {
	Have   []ENI // by device number
	Subnet Subnet
	Group  func(SecurityGroupID) (SecurityGroup, error)
}

// Modify returns i, and its interface, as they are after the change. The second
// result is nil if no interface changes.
func (i Instance) Modify(limits Limits, w InstanceInterfaces, c InstanceChange) (Instance, *ENI, error) {
	switch n := c.wants(); {
	case n == 0:
		return i, nil, awserr.New("InvalidParameterCombination", "No attributes specified.")
	case n > 1:
		return i, nil, awserr.New("InvalidParameterCombination", "Fields for multiple attribute types specified")
	case i.ending():
		return i, nil, awserr.New("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be modified.", i.ID)
	case (c.UserData != nil || c.Type != nil || c.EBSOptimized != nil) && i.State().Name != "stopped":
		return i, nil, awserr.New("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	if c.SourceCheck != nil || c.Groups != nil {
		eni, err := i.modifyInterface(limits, w, c)
		return i, eni, err
	}
	var err error
	switch {
	case c.KeepFromTermination != nil:
		i.KeepFromTermination = *c.KeepFromTermination
	case c.KeepFromStop != nil:
		i.KeepFromStop = *c.KeepFromStop
	case c.EBSOptimized != nil:
		i.EBSOptimized = *c.EBSOptimized
	case c.ShutdownBehavior != nil:
		i.ShutdownBehavior, err = *c.ShutdownBehavior, checkShutdown(*c.ShutdownBehavior)
	case c.UserData != nil:
		i.UserData, err = *c.UserData, checkUserData(*c.UserData)
	case c.Type != nil:
		i.Type, err = *c.Type, checkType(*c.Type)
	}
	return i, nil, err
}

func (i Instance) modifyInterface(limits Limits, w InstanceInterfaces, c InstanceChange) (*ENI, error) {
	if len(w.Have) != 1 {
		return nil, awserr.New("InvalidInstanceID",
			"There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.ID)
	}
	eni := w.Have[0]
	if c.SourceCheck != nil {
		eni.NoSourceCheck = !*c.SourceCheck
		return &eni, nil
	}
	if len(c.Groups) == 0 {
		return nil, awserr.New("InvalidParameterValue", "You must specify at least one security group.")
	}
	groups, err := namedGroups(limits, w.Subnet.VPC, w.Subnet.ID, w.Group, c.Groups)
	if err != nil {
		return nil, err
	}
	eni.Groups = groups
	return &eni, nil
}

// shutdownBehaviors is what an instance can do when it is shut down from within.
var shutdownBehaviors = []string{"stop", "terminate"}

// Shutdown is the instance's own behaviour when it is shut down from within.
func (i Instance) Shutdown() string {
	if i.ShutdownBehavior == "" {
		return shutdownBehaviors[0]
	}
	return i.ShutdownBehavior
}

func checkShutdown(s string) error {
	if s == "" || slices.Contains(shutdownBehaviors, s) {
		return nil
	}
	return awserr.New("InvalidParameterValue", "Value (%s) for parameter instanceInitiatedShutdownBehavior is invalid. Unknown shutdown behavior.", s)
}

func checkType(s string) error {
	if _, ok := instancetype.Of(s); !ok {
		return awserr.New("InvalidParameterValue", "Invalid value '%s' for InstanceType.", s)
	}
	return nil
}

const maxUserData = 16 << 10 // bytes, before it was encoded

func checkUserData(b []byte) error {
	if len(b) > maxUserData {
		return awserr.New("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
	}
	return nil
}
