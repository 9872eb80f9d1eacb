// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"testing"
	"time"
)

func TestInstanceState(t *testing.T) {
	i := Instance{PowerWanted: PowerOn}
	for _, c := range []struct {
		name   string
		change func(*Instance)
		want   InstanceState
	}{
		{"its host has not said that it runs", func(*Instance) {}, InstanceState{0, "pending"}},
		{"it runs", func(i *Instance) { i.Status.Running = true }, InstanceState{16, "running"}},
		{"somebody wants it off, and it still runs", func(i *Instance) { i.Status.Running = true; i.PowerWanted = PowerOff }, InstanceState{64, "stopping"}},
		{"it is off", func(i *Instance) { i.Status.Stopped = true; i.PowerWanted = PowerOff }, InstanceState{80, "stopped"}},
		{"it was off before it was started again", func(i *Instance) { i.Status.Stopped = true; i.Boots = 1; i.PowerWanted = PowerOff }, InstanceState{64, "stopping"}},
		{"somebody wants it on, and it is still off", func(i *Instance) { i.Status.Stopped = true }, InstanceState{0, "pending"}},
		{"somebody wants it gone, and it still runs", func(i *Instance) { i.Status.Running = true; i.PowerWanted = PowerTerminated }, InstanceState{32, "shutting-down"}},
		{"it has gone", func(i *Instance) { i.PowerWanted = PowerTerminated; i.Status.Gone = now }, InstanceState{48, "terminated"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := i
			c.change(&i)
			if got := i.State(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	t.Run("it is described for an hour after it has gone", func(t *testing.T) {
		gone := i
		gone.Status.Gone = now
		for after, want := range map[time.Duration]bool{0: false, time.Hour: false, time.Hour + 1: true} {
			if gone.Forgotten(now.Add(after)) != want {
				t.Errorf("after %v: forgotten is not %t", after, want)
			}
		}
		if i.Forgotten(now.Add(24 * time.Hour)) {
			t.Error("one that is there is forgotten")
		}
	})
}

func TestPower(t *testing.T) {
	states := map[string]Instance{
		"new":           {PowerWanted: PowerOn},
		"running":       {PowerWanted: PowerOn, Status: InstanceStatus{Running: true, Ran: true}},
		"failed":        {PowerWanted: PowerOn, Status: InstanceStatus{Ran: true, Reason: "its first process ended"}},
		"stopping":      {PowerWanted: PowerOff, Status: InstanceStatus{Running: true, Ran: true}},
		"stopped":       {PowerWanted: PowerOff, Status: InstanceStatus{Stopped: true, Ran: true}},
		"started again": {PowerWanted: PowerOn, Boots: 1, Status: InstanceStatus{Stopped: true, Ran: true}},
		"stopped again": {PowerWanted: PowerOff, Boots: 1, Status: InstanceStatus{Stopped: true, Boots: 1, Ran: true}},
		"shutting-down": {PowerWanted: PowerTerminated, Status: InstanceStatus{Running: true, Ran: true}},
		"terminated":    {PowerWanted: PowerTerminated, Status: InstanceStatus{Gone: now}},
	}
	const (
		noStop   = "IncorrectInstanceState: This instance 'i-1' is not in a state from which it can be stopped."
		noStart  = "IncorrectInstanceState: The instance 'i-1' is not in a state from which it can be started."
		noReboot = "IncorrectState: Instance 'i-1' is not in a state from which it can be rebooted."
		never    = "IncorrectInstanceState: Instance 'i-1' cannot be stopped as it has never reached the 'running' state."
	)
	stop := func(i Instance) (Instance, error) { return i.Stop() }
	start := func(i Instance) (Instance, error) { return i.Start(now) }
	reboot := func(i Instance) (Instance, error) { return i.Reboot() }
	terminate := func(i Instance) (Instance, error) { return i.Terminate() }
	for _, c := range []struct {
		what, state string
		do          func(Instance) (Instance, error)
		want        string // the state, or the error
		boots       int64
	}{
		{"stop", "new", stop, never, 0},
		{"stop", "running", stop, "stopping", 0},
		{"stop", "failed", stop, "stopping", 0},
		{"stop", "stopping", stop, "stopping", 0},
		{"stop", "stopped", stop, "stopped", 0},
		{"stop", "started again", stop, "stopping", 1}, // of its last boot nothing is known
		{"stop", "stopped again", stop, "stopped", 1},
		{"stop", "shutting-down", stop, noStop, 0},
		{"stop", "terminated", stop, noStop, 0},
		{"start", "new", start, "pending", 0},
		{"start", "running", start, "running", 0},
		{"start", "stopping", start, noStart, 0},
		{"start", "stopped", start, "pending", 1},
		{"start", "stopped again", start, "pending", 2},
		{"start", "terminated", start, noStart, 0},
		{"reboot", "running", reboot, "running", 1},
		{"reboot", "failed", reboot, "pending", 1},
		{"reboot", "stopped", reboot, noReboot, 0},
		{"reboot", "shutting-down", reboot, noReboot, 0},
		{"terminate", "stopped", terminate, "shutting-down", 0},
		{"terminate", "terminated", terminate, "terminated", 0},
	} {
		t.Run(c.what+" one that is "+c.state, func(t *testing.T) {
			i := states[c.state]
			i.ID, i.Created = "i-1", now.Add(-time.Hour)
			after, err := c.do(i)
			got := after.State().Name
			if err != nil {
				got = err.Error()
			}
			if got != c.want || after.Boots != c.boots {
				t.Errorf("%s after %d boots, want %s after %d", got, after.Boots, c.want, c.boots)
			}
			if begun := c.what == "start" && c.boots > 0; after.LaunchTime().Equal(now) != begun {
				t.Errorf("its launch time is %v", after.LaunchTime())
			}
		})
	}
	t.Run("its script is for the first time", func(t *testing.T) {
		for text, script := range map[string]bool{"": false, "#cloud-config\n": false, "#!/bin/sh\n": true} {
			for ran, want := range map[bool]bool{false: script, true: false} {
				i := Instance{UserData: []byte(text), Status: InstanceStatus{Ran: ran}}
				if got := string(i.Script()) == text && text != ""; got != want {
					t.Errorf("%q, ran %t: %q", text, ran, i.Script())
				}
			}
		}
	})
	t.Run("one that is kept from it does not stop or end", func(t *testing.T) {
		i := states["running"]
		i.ID, i.KeepFromStop, i.KeepFromTermination = "i-1", true, true
		_, err := i.Stop()
		wantError(t, err, "OperationNotPermitted: The instance 'i-1' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.")
		_, err = i.Terminate()
		wantError(t, err, "OperationNotPermitted: The instance 'i-1' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.")
	})
}
