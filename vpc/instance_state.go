// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// InstanceState is a state with the number that goes over the wire with it.
type InstanceState struct {
	Code int32
	Name string
}

// State is the instance's state, computed from what is wanted and what was observed.
func (i Instance) State() InstanceState {
	switch {
	case !i.Status.Gone.IsZero():
		return InstanceState{48, "terminated"}
	case i.PowerWanted == PowerTerminated:
		return InstanceState{32, "shutting-down"}
	case i.PowerWanted == PowerOff && i.Off():
		return InstanceState{80, "stopped"}
	case i.PowerWanted == PowerOff:
		return InstanceState{64, "stopping"}
	case i.Status.Running:
		return InstanceState{16, "running"}
	}
	return InstanceState{0, "pending"}
}

// Off says that its host has ended its processes, and they were not started since.
func (i Instance) Off() bool { return i.Status.Stopped && i.Status.Boots == i.Boots }

// instanceTombstone is how long a terminated instance is still described.
const instanceTombstone = time.Hour

// Forgotten says that a terminated instance is not described any more.
func (i Instance) Forgotten(now time.Time) bool {
	return !i.Status.Gone.IsZero() && now.Sub(i.Status.Gone) > instanceTombstone
}

// LaunchTime is when it was started the last time.
func (i Instance) LaunchTime() time.Time {
	if i.Started.IsZero() {
		return i.Created
	}
	return i.Started
}

// ending says that somebody wants the instance gone.
func (i Instance) ending() bool { return i.PowerWanted == PowerTerminated }

// Terminate returns i as it is after somebody wants it gone.
func (i Instance) Terminate() (Instance, error) {
	if i.KeepFromTermination && !i.ending() {
		return i, awserr.New("OperationNotPermitted",
			"The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
	}
	i.PowerWanted = PowerTerminated
	return i, nil
}

// Lost returns i as it is after the machine that had it is none any more: gone,
// whatever protects it.
func (i Instance) Lost() Instance {
	i.PowerWanted = PowerTerminated
	return i
}

// Stop returns i as it is after somebody wants it off. One that is off stays so.
func (i Instance) Stop() (Instance, error) {
	switch {
	case i.ending():
		return i, awserr.New("IncorrectInstanceState", "This instance '%s' is not in a state from which it can be stopped.", i.ID)
	case i.KeepFromStop:
		return i, awserr.New("OperationNotPermitted",
			"The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
	case i.PowerWanted == PowerOn && !i.Status.Ran:
		return i, awserr.New("IncorrectInstanceState", "Instance '%s' cannot be stopped as it has never reached the 'running' state.", i.ID)
	}
	i.PowerWanted = PowerOff
	return i, nil
}

// Start returns i as it is after somebody wants it on. One that is on stays as it is.
func (i Instance) Start(now time.Time) (Instance, error) {
	switch s := i.State(); {
	case i.PowerWanted == PowerOn:
		return i, nil
	case s.Name != "stopped":
		return i, awserr.New("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be started.", i.ID)
	}
	i.PowerWanted = PowerOn
	i.Boots++
	i.Started = now
	return i, nil
}

// Reboot returns i as it is after somebody wants it to begin anew.
func (i Instance) Reboot() (Instance, error) {
	if i.PowerWanted != PowerOn {
		return i, awserr.New("IncorrectState", "Instance '%s' is not in a state from which it can be rebooted.", i.ID)
	}
	i.Boots++
	return i, nil
}
