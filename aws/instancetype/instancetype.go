// SPDX-License-Identifier: Apache-2.0

// Package instancetype knows AWS's usual types of instances, as AWS documents
// them: those that there are here. It knows nothing of what runs as one of them.
package instancetype

import (
	"cmp"
	"slices"
	"strings"
)

// Type is one of AWS's types of instances. All of them have their disks in EBS
// and boot hardware-virtualized images.
type Type struct {
	Name       string // m5.large
	VCPUs      int
	Threads    int // per core
	MemoryMiB  int
	Interfaces int    // network interfaces
	Addresses  int    // IPv4 addresses of each of them, and as many of IPv6 if it is of the current generation
	Arch       string // x86_64, arm64
	Nitro      bool   // else Xen
	Burstable  bool
	Current    bool // of the current generation
	FreeTier   bool
}

// Unlimited says that an instance goes on without processor credits unless it was told
// otherwise: so do all burstable ones but T2.
func (t Type) Unlimited() bool { return t.Burstable && !strings.HasPrefix(t.Name, "t2.") }

// Of returns the type with the name. It makes no other: whoever lists instances asks
// for each of them.
func Of(name string) (Type, bool) {
	if name == first.Name {
		return first, true
	}
	of, size, _ := strings.Cut(name, ".")
	for _, f := range families {
		if f.name == of {
			return f.find(size)
		}
	}
	for _, b := range burstable {
		if b.name == of {
			return b.find(size)
		}
	}
	return Type{}, false
}

// All returns every type by name.
func All() []Type {
	var types []Type
	for _, f := range families {
		for size := range strings.FieldsSeq(f.sizes) {
			types = append(types, f.typeOf(size))
		}
	}
	types = append(types, first)
	for _, t := range burstable {
		types = append(types, t.types()...)
	}
	slices.SortFunc(types, func(a, b Type) int { return cmp.Compare(a.Name, b.Name) })
	return types
}

// family is a row of types that differ in size only.
type family struct {
	name, arch string
	threads    int
	perVCPU    int // MiB of memory
	sizes      string
}

const (
	amd64 = "x86_64"
	arm64 = "arm64"

	fifth    = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"
	compute  = "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge"
	sixth    = fifth + " 32xlarge"
	seventh  = fifth + " 48xlarge"
	sixthAMD = sixth + " 48xlarge"
	graviton = "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
	eighth   = graviton + " 24xlarge 48xlarge"
)

var families = []family{
	{"c5", amd64, 2, 2048, compute},
	{"c5a", amd64, 2, 2048, fifth},
	{"c6a", amd64, 2, 2048, sixthAMD},
	{"c6g", arm64, 1, 2048, graviton},
	{"c6i", amd64, 2, 2048, sixth},
	{"c7a", amd64, 1, 2048, "medium " + sixthAMD},
	{"c7g", arm64, 1, 2048, graviton},
	{"c7i", amd64, 2, 2048, seventh},
	{"c8g", arm64, 1, 2048, eighth},
	{"m5", amd64, 2, 4096, fifth},
	{"m5a", amd64, 2, 4096, fifth},
	{"m6a", amd64, 2, 4096, sixthAMD},
	{"m6g", arm64, 1, 4096, graviton},
	{"m6i", amd64, 2, 4096, sixth},
	{"m7a", amd64, 1, 4096, "medium " + sixthAMD},
	{"m7g", arm64, 1, 4096, graviton},
	{"m7i", amd64, 2, 4096, seventh},
	{"m8g", arm64, 1, 4096, eighth},
	{"r5", amd64, 2, 8192, fifth},
	{"r5a", amd64, 2, 8192, fifth},
	{"r6a", amd64, 2, 8192, sixthAMD},
	{"r6g", arm64, 1, 8192, graviton},
	{"r6i", amd64, 2, 8192, sixth},
	{"r7a", amd64, 1, 8192, "medium " + sixthAMD},
	{"r7g", arm64, 1, 8192, graviton},
	{"r7i", amd64, 2, 8192, seventh},
	{"r8g", arm64, 1, 8192, eighth},
}

// Default is the type of instances for which none is asked, as at AWS.
const Default = "m1.small"

// first is the oldest of all, without addresses of IPv6. A disk of its own, which it
// has at AWS, nothing here has.
var first = Type{Name: Default, VCPUs: 1, Threads: 1, MemoryMiB: 1740, Interfaces: 2, Addresses: 4, Arch: amd64}

// vcpus of the sizes; of those that are not here, four for each x.
var vcpus = map[string]int{"medium": 1, "large": 2, "xlarge": 4}

func (f family) find(size string) (Type, bool) {
	if !slices.Contains(strings.Fields(f.sizes), size) {
		return Type{}, false
	}
	return f.typeOf(size), true
}

func (f family) typeOf(size string) Type {
	n, ok := vcpus[size]
	if !ok {
		for _, digit := range strings.TrimSuffix(size, "xlarge") {
			n = n*10 + int(digit-'0')
		}
		n *= 4
	}
	t := Type{
		Name: f.name + "." + size, VCPUs: n, Threads: f.threads, MemoryMiB: n * f.perVCPU,
		Arch: f.arch, Nitro: true, Current: true,
	}
	t.Interfaces, t.Addresses = network(n)
	return t
}

// network is how many interfaces, and addresses on each, the types of these
// families have.
func network(vcpus int) (interfaces, addresses int) {
	switch {
	case vcpus <= 1:
		return 2, 4
	case vcpus <= 2:
		return 3, 10
	case vcpus <= 8:
		return 4, 15
	case vcpus <= 48:
		return 8, 30
	}
	return 15, 50
}
