// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/instancetype"
	wire "enishi.dev/enishi/aws/wire/ec2"
)

// usualOptions refuses what no instance has here. Clients also ask for what every one has
// (see usualMachine), and are given it.
func usualOptions(in *wire.RunInstancesInput) error {
	t, _ := instancetype.Of(cmp.Or(string(in.InstanceType), instancetype.Default))
	for _, o := range []struct {
		name  string
		usual bool
	}{
		{"CapacityReservationSpecification", is(in.CapacityReservationSpecification, wire.CapacityReservationSpecification{CapacityReservationPreference: "open"})},
		{"MaintenanceOptions", is(in.MaintenanceOptions, wire.InstanceMaintenanceOptionsRequest{AutoRecovery: "default"})},
		{"CpuOptions", in.CpuOptions == nil || in.CpuOptions.AmdSevSnp == "" && in.CpuOptions.NestedVirtualization == "" &&
			is(in.CpuOptions.CoreCount, int32(t.VCPUs/max(1, t.Threads))) && is(in.CpuOptions.ThreadsPerCore, int32(t.Threads))},
		{"PrivateDnsNameOptions", in.PrivateDnsNameOptions == nil || !value(in.PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord) &&
			!value(in.PrivateDnsNameOptions.EnableResourceNameDnsARecord) && cmp.Or(in.PrivateDnsNameOptions.HostnameType, "ip-name") == "ip-name"},
	} {
		if !o.usual {
			return awserr.New("UnsupportedOperation", "The parameter %s is not supported, but for what every instance has.", o.name)
		}
	}
	return nil
}

// is reports whether nothing is asked for, or the usual.
func is[T comparable](p *T, usual T) bool { return p == nil || *p == usual }
