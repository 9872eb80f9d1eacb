// SPDX-License-Identifier: Apache-2.0

package instancetype

// burst is a family of burstable types: each size has limits of its own.
type burst struct {
	name, arch string
	threads    int
	nitro      bool
	sizes      []size
}

type size struct {
	name                                    string
	vcpus, memoryMiB, interfaces, addresses int
}

func (b burst) find(name string) (Type, bool) {
	for _, s := range b.sizes {
		if s.name == name {
			return b.typeOf(s), true
		}
	}
	return Type{}, false
}

func (b burst) types() (types []Type) {
	for _, s := range b.sizes {
		types = append(types, b.typeOf(s))
	}
	return types
}

func (b burst) typeOf(s size) Type {
	return Type{
		Name: b.name + "." + s.name, VCPUs: s.vcpus, Threads: min(b.threads, s.vcpus), MemoryMiB: s.memoryMiB,
		Interfaces: s.interfaces, Addresses: s.addresses, Arch: b.arch, Nitro: b.nitro, Burstable: true, Current: true,
		FreeTier: s.name == "micro" && (b.name == "t2" || b.name == "t3"),
	}
}

var burstable = []burst{
	{"t2", amd64, 1, false, []size{
		{"nano", 1, 512, 2, 2}, {"micro", 1, 1024, 2, 2}, {"small", 1, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
		{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 3, 15}, {"2xlarge", 8, 32768, 3, 15},
	}},
	{"t3", amd64, 2, true, []size{
		{"nano", 2, 512, 2, 2}, {"micro", 2, 1024, 2, 2}, {"small", 2, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
		{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 4, 15}, {"2xlarge", 8, 32768, 4, 15},
	}},
	{"t3a", amd64, 2, true, []size{
		{"nano", 2, 512, 2, 2}, {"micro", 2, 1024, 2, 2}, {"small", 2, 2048, 2, 4}, {"medium", 2, 4096, 3, 6},
		{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 4, 15}, {"2xlarge", 8, 32768, 4, 15},
	}},
	{"t4g", arm64, 1, true, []size{
		{"nano", 2, 512, 2, 2}, {"micro", 2, 1024, 2, 2}, {"small", 2, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
		{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 4, 15}, {"2xlarge", 8, 32768, 4, 15},
	}},
}
