// SPDX-License-Identifier: Apache-2.0

package instancetype

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypesAreAsAWSDocumentsThem(t *testing.T) {
	for _, want := range []Type{
		{Name: "t3.micro", VCPUs: 2, Threads: 2, MemoryMiB: 1024, Interfaces: 2, Addresses: 2, Arch: amd64, Nitro: true, Burstable: true, Current: true, FreeTier: true},
		{Name: "t2.micro", VCPUs: 1, Threads: 1, MemoryMiB: 1024, Interfaces: 2, Addresses: 2, Arch: amd64, Burstable: true, Current: true, FreeTier: true},
		{Name: "m5.large", VCPUs: 2, Threads: 2, MemoryMiB: 8192, Interfaces: 3, Addresses: 10, Arch: amd64, Nitro: true, Current: true},
		{Name: "m5.24xlarge", VCPUs: 96, Threads: 2, MemoryMiB: 393216, Interfaces: 15, Addresses: 50, Arch: amd64, Nitro: true, Current: true},
		{Name: "c5.9xlarge", VCPUs: 36, Threads: 2, MemoryMiB: 73728, Interfaces: 8, Addresses: 30, Arch: amd64, Nitro: true, Current: true},
		{Name: "r5.2xlarge", VCPUs: 8, Threads: 2, MemoryMiB: 65536, Interfaces: 4, Addresses: 15, Arch: amd64, Nitro: true, Current: true},
		{Name: "m7i.48xlarge", VCPUs: 192, Threads: 2, MemoryMiB: 786432, Interfaces: 15, Addresses: 50, Arch: amd64, Nitro: true, Current: true},
		{Name: "c6a.large", VCPUs: 2, Threads: 2, MemoryMiB: 4096, Interfaces: 3, Addresses: 10, Arch: amd64, Nitro: true, Current: true},
		{Name: "r8g.16xlarge", VCPUs: 64, Threads: 1, MemoryMiB: 524288, Interfaces: 15, Addresses: 50, Arch: arm64, Nitro: true, Current: true},
		{Name: "m7a.medium", VCPUs: 1, Threads: 1, MemoryMiB: 4096, Interfaces: 2, Addresses: 4, Arch: amd64, Nitro: true, Current: true},
		{Name: "m7g.medium", VCPUs: 1, Threads: 1, MemoryMiB: 4096, Interfaces: 2, Addresses: 4, Arch: arm64, Nitro: true, Current: true},
	} {
		got, ok := Of(want.Name)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for _, none := range []string{"t9.micro", "m5.9xlarge", "m5.medium", "m5", "m5.", "t3.16xlarge", "m1.large", ".", "", "m5.large.", "m5.large xlarge"} {
		if got, ok := Of(none); ok || got != (Type{}) {
			t.Errorf("%q is %+v", none, got)
		}
	}
}

func TestEachTypeThatIsListedIsFound(t *testing.T) {
	all := All()
	for _, want := range all {
		if got, ok := Of(want.Name); !ok || got != want {
			t.Errorf("%s is listed as %+v and found as %+v, %v", want.Name, want, got, ok)
		}
	}
	if len(all) < 200 || !slices.IsSortedFunc(all, func(a, b Type) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d types are listed, sorted by name or not", len(all))
	}
}
