// SPDX-License-Identifier: Apache-2.0

// Package region knows AWS's regions and their zones, as AWS publishes them. It
// knows nothing of which of them somebody uses.
package region

import (
	"slices"
	"strings"
)

// Region is one of AWS's regions.
type Region struct {
	Name  string // ap-northeast-1
	Zones []Zone // by name
	OptIn bool   // an account has to ask for it
}

// Zone is an availability zone. Its name is an account's own at AWS; here, as
// for the first accounts there, every account has the same.
type Zone struct {
	Name string // ap-northeast-1a
	ID   string // apne1-az4: the same place for every account
}

// Of returns the region with the name.
func Of(name string) (Region, bool) {
	i, ok := find(name)
	if !ok {
		return Region{}, false
	}
	return regions[i].region(), true
}

// Known says whether there is a region with the name.
func Known(name string) bool {
	_, ok := find(name)
	return ok
}

func find(name string) (int, bool) {
	return slices.BinarySearchFunc(regions, name, func(r row, name string) int { return strings.Compare(r.name, name) })
}

// All returns every region by name.
func All() []Region {
	all := make([]Region, 0, len(regions))
	for _, r := range regions {
		all = append(all, r.region())
	}
	return all
}

// ZoneNames returns the names of r's zones.
func (r Region) ZoneNames() []string {
	names := make([]string, 0, len(r.Zones))
	for _, z := range r.Zones {
		names = append(names, z.Name)
	}
	return names
}

// Zone returns the zone with the name or the id.
func (r Region) Zone(nameOrID string) (Zone, bool) {
	for _, z := range r.Zones {
		if z.Name == nameOrID || z.ID == nameOrID {
			return z, true
		}
	}
	return Zone{}, false
}

// row is a region as the table writes it: zones as letter and number, a4 for
// the zone …a with the id …-az4.
type row struct {
	name, short, zones string
	optIn              bool
}

func (r row) region() Region {
	out := Region{Name: r.name, OptIn: r.optIn}
	for _, z := range strings.Fields(r.zones) {
		out.Zones = append(out.Zones, Zone{Name: r.name + z[:1], ID: r.short + "-az" + z[1:]})
	}
	return out
}

// regions is sorted by name.
var regions = []row{
	{"af-south-1", "afs1", "a1 b2 c3", true},
	{"ap-east-1", "ape1", "a1 b2 c3", true},
	{"ap-east-2", "ape2", "a1 b2 c3", true},
	{"ap-northeast-1", "apne1", "a4 c1 d2", false},
	{"ap-northeast-2", "apne2", "a1 b2 c3 d4", false},
	{"ap-northeast-3", "apne3", "a3 b1 c2", false},
	{"ap-south-1", "aps1", "a1 b3 c2", false},
	{"ap-south-2", "aps2", "a1 b2 c3", true},
	{"ap-southeast-1", "apse1", "a2 b1 c3", false},
	{"ap-southeast-2", "apse2", "a3 b1 c2", false},
	{"ap-southeast-3", "apse3", "a1 b2 c3", true},
	{"ap-southeast-4", "apse4", "a1 b2 c3", true},
	{"ap-southeast-5", "apse5", "a1 b2 c3", true},
	{"ap-southeast-6", "apse6", "a1 b2 c3", true},
	{"ap-southeast-7", "apse7", "a1 b2 c3", true},
	{"ca-central-1", "cac1", "a1 b2 d4", false},
	{"ca-west-1", "caw1", "a1 b2 c3", true},
	{"eu-central-1", "euc1", "a2 b3 c1", false},
	{"eu-central-2", "euc2", "a1 b2 c3", true},
	{"eu-north-1", "eun1", "a1 b2 c3", false},
	{"eu-south-1", "eus1", "a1 b2 c3", true},
	{"eu-south-2", "eus2", "a1 b2 c3", true},
	{"eu-west-1", "euw1", "a1 b2 c3", false},
	{"eu-west-2", "euw2", "a2 b3 c1", false},
	{"eu-west-3", "euw3", "a1 b2 c3", false},
	{"il-central-1", "ilc1", "a1 b2 c3", true},
	{"me-central-1", "mec1", "a1 b2 c3", true},
	{"me-south-1", "mes1", "a1 b2 c3", true},
	{"mx-central-1", "mxc1", "a1 b2 c3", true},
	{"sa-east-1", "sae1", "a1 b2 c3", false},
	{"us-east-1", "use1", "a1 b2 c4 d6 e3 f5", false},
	{"us-east-2", "use2", "a1 b2 c3", false},
	{"us-west-1", "usw1", "a1 b3", false},
	{"us-west-2", "usw2", "a2 b1 c3 d4", false},
}
