// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"enishi.dev/enishi/aws/instancetype"
	wire "enishi.dev/enishi/aws/wire/ec2"
)

// wireInstanceType says what decides how a network can look, and what clients
// choose types by; nothing of speeds.
func wireInstanceType(t instancetype.Type) wire.InstanceTypeInfo {
	ipv4, nics, cores := int32(t.Addresses), int32(t.Interfaces), int32(t.VCPUs/t.Threads)
	out := wire.InstanceTypeInfo{
		BareMetal: new(false), BurstablePerformanceSupported: new(t.Burstable), CurrentGeneration: new(t.Current), FreeTierEligible: new(t.FreeTier),
		EbsInfo:    &wire.EbsInfo{EbsOptimizedSupport: "default", EncryptionSupport: "supported", NvmeSupport: "required"},
		Hypervisor: "nitro", InstanceStorageSupported: new(false), InstanceType: wire.InstanceType(t.Name),
		MemoryInfo: &wire.MemoryInfo{SizeInMiB: new(int64(t.MemoryMiB))},
		NetworkInfo: &wire.NetworkInfo{
			DefaultNetworkCardIndex: new(int32(0)), EnaSupport: "required", Ipv4AddressesPerInterface: &ipv4,
			Ipv6AddressesPerInterface: &ipv4, Ipv6Supported: new(true), MaximumNetworkCards: new(int32(1)), MaximumNetworkInterfaces: &nics,
			NetworkCards: []wire.NetworkCardInfo{{MaximumNetworkInterfaces: &nics, NetworkCardIndex: new(int32(0))}},
		},
		PlacementGroupInfo:           &wire.PlacementGroupInfo{SupportedStrategies: []wire.PlacementGroupStrategy{"partition", "spread"}},
		ProcessorInfo:                &wire.ProcessorInfo{SupportedArchitectures: []wire.ArchitectureType{wire.ArchitectureType(t.Arch)}},
		SupportedRootDeviceTypes:     []wire.RootDeviceType{"ebs"},
		SupportedUsageClasses:        []wire.UsageClassType{"on-demand", "spot"},
		SupportedVirtualizationTypes: []wire.VirtualizationType{"hvm"},
		VCpuInfo: &wire.VCpuInfo{
			DefaultCores: &cores, DefaultThreadsPerCore: new(int32(t.Threads)), DefaultVCpus: new(int32(t.VCPUs)),
		},
	}
	if !t.Burstable {
		out.PlacementGroupInfo.SupportedStrategies = []wire.PlacementGroupStrategy{"cluster", "partition", "spread"}
	}
	if !t.Nitro {
		out.Hypervisor, out.NetworkInfo.EnaSupport = "xen", "unsupported"
		out.EbsInfo.EbsOptimizedSupport, out.EbsInfo.NvmeSupport = "unsupported", "unsupported"
	}
	if !t.Current {
		out.NetworkInfo.Ipv6AddressesPerInterface, out.NetworkInfo.Ipv6Supported = new(int32(0)), new(false)
	}
	return out
}

// instanceTypeFilters look at types as AWS writes them.
func instanceTypeFilters() filters[instancetype.Type] {
	f := filters[instancetype.Type]{}
	add := func(name string, of func(wire.InstanceTypeInfo) string) {
		f[name] = func(t instancetype.Type) []string { return []string{of(wireInstanceType(t))} }
	}
	for name, of := range map[string]func(wire.InstanceTypeInfo) *bool{
		"bare-metal":                      func(t wire.InstanceTypeInfo) *bool { return t.BareMetal },
		"burstable-performance-supported": func(t wire.InstanceTypeInfo) *bool { return t.BurstablePerformanceSupported },
		"current-generation":              func(t wire.InstanceTypeInfo) *bool { return t.CurrentGeneration },
		"free-tier-eligible":              func(t wire.InstanceTypeInfo) *bool { return t.FreeTierEligible },
		"instance-storage-supported":      func(t wire.InstanceTypeInfo) *bool { return t.InstanceStorageSupported },
		"network-info.ipv6-supported":     func(t wire.InstanceTypeInfo) *bool { return t.NetworkInfo.Ipv6Supported },
	} {
		add(name, func(t wire.InstanceTypeInfo) string { return strconv.FormatBool(*of(t)) })
	}
	for name, of := range map[string]func(wire.InstanceTypeInfo) *int32{
		"network-info.ipv4-addresses-per-interface": func(t wire.InstanceTypeInfo) *int32 { return t.NetworkInfo.Ipv4AddressesPerInterface },
		"network-info.ipv6-addresses-per-interface": func(t wire.InstanceTypeInfo) *int32 { return t.NetworkInfo.Ipv6AddressesPerInterface },
		"network-info.maximum-network-cards":        func(t wire.InstanceTypeInfo) *int32 { return t.NetworkInfo.MaximumNetworkCards },
		"network-info.maximum-network-interfaces":   func(t wire.InstanceTypeInfo) *int32 { return t.NetworkInfo.MaximumNetworkInterfaces },
		"vcpu-info.default-cores":                   func(t wire.InstanceTypeInfo) *int32 { return t.VCpuInfo.DefaultCores },
		"vcpu-info.default-threads-per-core":        func(t wire.InstanceTypeInfo) *int32 { return t.VCpuInfo.DefaultThreadsPerCore },
		"vcpu-info.default-vcpus":                   func(t wire.InstanceTypeInfo) *int32 { return t.VCpuInfo.DefaultVCpus },
	} {
		add(name, func(t wire.InstanceTypeInfo) string { return strconv.Itoa(int(*of(t))) })
	}
	add("ebs-info.ebs-optimized-support", func(t wire.InstanceTypeInfo) string { return string(t.EbsInfo.EbsOptimizedSupport) })
	add("ebs-info.encryption-support", func(t wire.InstanceTypeInfo) string { return string(t.EbsInfo.EncryptionSupport) })
	add("ebs-info.nvme-support", func(t wire.InstanceTypeInfo) string { return string(t.EbsInfo.NvmeSupport) })
	add("hypervisor", func(t wire.InstanceTypeInfo) string { return string(t.Hypervisor) })
	add("instance-type", func(t wire.InstanceTypeInfo) string { return string(t.InstanceType) })
	add("memory-info.size-in-mib", func(t wire.InstanceTypeInfo) string { return strconv.FormatInt(*t.MemoryInfo.SizeInMiB, 10) })
	add("network-info.ena-support", func(t wire.InstanceTypeInfo) string { return string(t.NetworkInfo.EnaSupport) })
	f["processor-info.supported-architecture"] = func(t instancetype.Type) []string { return []string{t.Arch} }
	f["supported-root-device-type"] = func(t instancetype.Type) []string { return texts(wireInstanceType(t).SupportedRootDeviceTypes) }
	f["supported-usage-class"] = func(t instancetype.Type) []string { return texts(wireInstanceType(t).SupportedUsageClasses) }
	f["supported-virtualization-type"] = func(t instancetype.Type) []string { return texts(wireInstanceType(t).SupportedVirtualizationTypes) }
	for _, name := range absentOfInstanceTypes {
		f[name] = func(instancetype.Type) []string { return nil }
	}
	return f
}
