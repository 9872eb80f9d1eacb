// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"slices"
	"testing"
)

func TestModifyInstance(t *testing.T) {
	_, facts := launchSpec(1)
	running := Instance{ID: "i-1", PowerWanted: PowerOn, Status: InstanceStatus{Running: true}}
	stopped := Instance{ID: "i-1", PowerWanted: PowerOff, Status: InstanceStatus{Stopped: true}}
	for _, c := range []struct {
		name string
		i    Instance
		c    InstanceChange
		err  string
		want func(Instance, *ENI) bool
	}{
		{"nothing", running, InstanceChange{}, "InvalidParameterCombination: No attributes specified.", nil},
		{"two at once", running, InstanceChange{KeepFromStop: new(true), SourceCheck: new(true)}, "InvalidParameterCombination: Fields for multiple attribute types specified", nil},
		{"kept from termination", running, InstanceChange{KeepFromTermination: new(true)}, "", func(i Instance, e *ENI) bool { return i.KeepFromTermination && e == nil }},
		{"kept from stop", running, InstanceChange{KeepFromStop: new(true)}, "", func(i Instance, _ *ENI) bool { return i.KeepFromStop }},
		{"what a shutdown does", running, InstanceChange{ShutdownBehavior: new("terminate")}, "", func(i Instance, _ *ENI) bool { return i.Shutdown() == "terminate" }},
		{"a shutdown that is none", running, InstanceChange{ShutdownBehavior: new("sleep")},
			"InvalidParameterValue: Value (sleep) for parameter instanceInitiatedShutdownBehavior is invalid. Unknown shutdown behavior.", nil},
		{"user data while it runs", running, InstanceChange{UserData: new(UserData("x"))}, "IncorrectInstanceState: The instance 'i-1' is not in the 'stopped' state.", nil},
		{"user data while it is off", stopped, InstanceChange{UserData: new(UserData("x"))}, "", func(i Instance, _ *ENI) bool { return string(i.UserData) == "x" }},
		{"too much user data", stopped, InstanceChange{UserData: new(make(UserData, maxUserData+1))}, "InvalidUserData.Malformed: User data is limited to 16384 bytes", nil},
		{"the type while it runs", running, InstanceChange{Type: new("t3.micro")}, "IncorrectInstanceState: The instance 'i-1' is not in the 'stopped' state.", nil},
		{"the type while it is off", stopped, InstanceChange{Type: new("t3.nano")}, "", func(i Instance, _ *ENI) bool { return i.Type == "t3.nano" }},
		{"a type that is none", stopped, InstanceChange{Type: new("x")}, "InvalidParameterValue: Invalid value 'x' for InstanceType.", nil},
		{"the source check", running, InstanceChange{SourceCheck: new(false)}, "", func(_ Instance, e *ENI) bool { return e.NoSourceCheck }},
		{"groups, each once", running, InstanceChange{Groups: []SecurityGroupID{web, web}}, "", func(_ Instance, e *ENI) bool { return slices.Equal(e.Groups, []SecurityGroupID{web}) }},
		{"no group", running, InstanceChange{Groups: []SecurityGroupID{}}, "InvalidParameterValue: You must specify at least one security group.", nil},
		{"more groups than an interface has", running, InstanceChange{Groups: sixGroups},
			"SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached.", nil},
		{"a group of another VPC", running, InstanceChange{Groups: []SecurityGroupID{other}},
			"InvalidParameter: Security group sg-other and subnet subnet-1 belong to different networks.", nil},
		{"one that ends", Instance{ID: "i-1", PowerWanted: PowerTerminated}, InstanceChange{KeepFromStop: new(true)},
			"IncorrectInstanceState: The instance 'i-1' is not in a state from which it can be modified.", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := InstanceInterfaces{Have: []ENI{{ID: "eni-1"}}, Subnet: Subnet{ID: "subnet-1", VPC: "vpc-1"}, Group: facts.Group}
			i, e, err := c.i.Modify(DefaultLimits(), w, c.c)
			wantError(t, err, c.err)
			if c.want != nil && !c.want(i, e) {
				t.Errorf("%+v, %+v", i, e)
			}
		})
	}
	t.Run("which interface, if it has two", func(t *testing.T) {
		_, _, err := running.Modify(DefaultLimits(), InstanceInterfaces{Have: make([]ENI, 2)}, InstanceChange{SourceCheck: new(true)})
		wantError(t, err, "InvalidInstanceID: There are multiple interfaces attached to instance 'i-1'. Please specify an interface ID for the operation instead.")
	})
}

func TestMetadataOptions(t *testing.T) {
	before := MetadataOptions{TokensRequired: true, HopLimit: 3}
	for _, c := range []struct {
		name string
		c    MetadataChange
		want MetadataOptions
		err  string
	}{
		{"what is left out stays", MetadataChange{}, before, ""},
		{"everything", MetadataChange{Endpoint: "disabled", Tokens: "optional", IPv6: "enabled", Tags: "enabled", HopLimit: new(int32(64))},
			MetadataOptions{Off: true, IPv6: true, Tags: true, HopLimit: 64}, ""},
		{"a value that is none", MetadataChange{Tokens: "maybe"}, before, "InvalidParameterValue: Value (maybe) for parameter HttpTokens is invalid. Valid values are: optional, required"},
		{"no hop", MetadataChange{HopLimit: new(int32(0))}, before, "InvalidParameterValue: Value (0) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64."},
		{"too many hops", MetadataChange{HopLimit: new(int32(65))}, before, "InvalidParameterValue: Value (65) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := before.Change(c.c)
			wantError(t, err, c.err)
			if err == nil && got != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
	if n := (MetadataOptions{}).Hops(); n != 1 {
		t.Errorf("nobody asked for hops: %d", n)
	}
	tagged := Instance{PowerWanted: PowerOn, Meta: Meta{Tags: map[string]string{"a b": "c"}}}
	_, err := tagged.SetMetadata(MetadataChange{Tags: "enabled"})
	wantError(t, err, `InvalidParameterValue: 'a b' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`)
	_, err = Instance{ID: "i-1", PowerWanted: PowerTerminated}.SetMetadata(MetadataChange{})
	wantError(t, err, "IncorrectInstanceState: The instance 'i-1' is not in a state from which its metadata options can be modified.")
}
