// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"reflect"
	"strings"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// Compiler keeps the units of one host up to date, at a cost that goes with the
// change and not with the world. What it holds is always what [Host] would return.
type Compiler struct {
	have    map[hoststate.Key]hoststate.Unit
	live    string // of the facts at the last update
	members *members

	users   map[string]int                          // group set -> interfaces that have it
	sets    map[vpc.SecurityGroupID]map[string]bool // group -> the sets it is in
	tables  map[vpc.SubnetID]vpc.RouteTableID
	named   map[string][]hoststate.Key // endpoint, or region -> its names
	homes   map[string]vpc.VPCID       // endpoint -> its VPC
	routed  map[string]map[string]bool // interface -> the tables with a route to it
	regions map[string]int             // region -> networks of this host in it
	ways    map[string]int             // region -> those of them with an internet gateway

	attached map[string]vpc.VPCID // internet gateway -> its VPC
}

// New returns a compiler that holds nothing.
func New() *Compiler {
	return &Compiler{
		have: map[hoststate.Key]hoststate.Unit{}, members: newMembers(), users: map[string]int{},
		sets: map[vpc.SecurityGroupID]map[string]bool{}, tables: map[vpc.SubnetID]vpc.RouteTableID{},
		named: map[string][]hoststate.Key{}, homes: map[string]vpc.VPCID{}, routed: map[string]map[string]bool{}, regions: map[string]int{},
		ways: map[string]int{}, attached: map[string]vpc.VPCID{},
	}
}

// update is one run of Update: what may have changed, and what has.
type update struct {
	*Compiler
	w     world
	todo  []hoststate.Key
	seen  map[hoststate.Key]bool
	set   map[hoststate.Key]hoststate.Unit
	gone  map[hoststate.Key]bool
	whole map[vpc.VPCID]bool // networks taken up as a whole
	moved []vpc.VPCID        // networks whose instances have changed
}

// Units returns all that the host holds. The map is the compiler's own.
func (c *Compiler) Units() map[hoststate.Key]hoststate.Unit { return c.have }

// Update takes in one step of the store and returns the units that are new or
// changed, and the keys of those that are gone. A change of the facts must come
// with a step, which may be an empty one.
func (c *Compiler) Update(step store.Step, f Facts) (set []hoststate.Unit, gone []hoststate.Key) {
	u := &update{
		Compiler: c, w: world{step.View, f, c.members}, seen: map[hoststate.Key]bool{},
		set: map[hoststate.Key]hoststate.Unit{}, gone: map[hoststate.Key]bool{}, whole: map[vpc.VPCID]bool{},
	}
	if live := strings.Join(f.Live, " "); step.All || live != c.live {
		c.live = live
		u.everything()
	}
	// Instances first: they say in which networks the host takes part, by which
	// everything else is judged.
	for _, ref := range step.Changed {
		if ref.Kind == store.KindInstance {
			u.changed(ref)
		}
	}
	u.settle()
	for _, ref := range step.Changed {
		if ref.Kind != store.KindInstance {
			u.changed(ref)
		}
	}
	for len(u.todo) > 0 {
		k := u.todo[0]
		u.todo = u.todo[1:]
		u.place(k, u.w.unit(k))
	}
	for _, unit := range u.set {
		set = append(set, unit)
	}
	for k := range u.gone {
		gone = append(gone, k)
	}
	return set, gone
}

// dirty has the unit of the key made again.
func (u *update) dirty(kind hoststate.Kind, id string) {
	k := hoststate.Key{Kind: kind, ID: id}
	if !u.seen[k] {
		u.seen[k] = true
		u.todo = append(u.todo, k)
	}
}

// place puts the unit in the place of the one before, and follows up what hangs on it.
func (u *update) place(k hoststate.Key, unit hoststate.Unit) {
	before := u.have[k]
	if g, ok := unit.(*hoststate.GroupSet); ok && u.users[g.ID] == 0 {
		unit = nil // nobody has it
	}
	if before == nil && unit == nil || before != nil && unit != nil && reflect.DeepEqual(before, unit) {
		return
	}
	if unit == nil {
		delete(u.have, k)
		delete(u.set, k)
		u.gone[k] = true
	} else {
		u.have[k] = unit
		u.set[k] = unit
		delete(u.gone, k)
	}
	switch k.Kind {
	case hoststate.KindInterface:
		u.countSet(before, -1)
		u.countSet(unit, +1)
	case hoststate.KindRouteTable:
		u.noteRoutes(before, false)
		u.noteRoutes(unit, true)
	case hoststate.KindNetwork:
		u.countRegion(before, -1)
		u.countRegion(unit, +1)
		u.countWay(before, -1)
		u.countWay(unit, +1)
	}
}

// countSet notes that an interface has, or has no longer, its group set.
func (u *update) countSet(unit hoststate.Unit, by int) {
	i, _ := unit.(*hoststate.Interface)
	if i == nil {
		return
	}
	u.users[i.GroupSet] += by
	n := u.users[i.GroupSet]
	if n == 0 {
		delete(u.users, i.GroupSet)
	}
	for g := range strings.SplitSeq(i.GroupSet, ",") {
		group := vpc.SecurityGroupID(g)
		switch {
		case n == 0:
			if delete(u.sets[group], i.GroupSet); len(u.sets[group]) == 0 {
				delete(u.sets, group)
			}
		case n == by:
			if u.sets[group] == nil {
				u.sets[group] = map[string]bool{}
			}
			u.sets[group][i.GroupSet] = true
		}
	}
	if n == 0 || n == by {
		u.again(hoststate.KindGroupSet, i.GroupSet)
	}
}

// noteRoutes notes which interfaces a table leads to, or led to.
func (u *update) noteRoutes(unit hoststate.Unit, leads bool) {
	t, _ := unit.(*hoststate.RouteTable)
	if t == nil {
		return
	}
	for _, r := range t.Routes {
		switch {
		case r.Interface == "":
		case !leads:
			if delete(u.routed[r.Interface], t.ID); len(u.routed[r.Interface]) == 0 {
				delete(u.routed, r.Interface)
			}
		default:
			if u.routed[r.Interface] == nil {
				u.routed[r.Interface] = map[string]bool{}
			}
			u.routed[r.Interface][t.ID] = true
		}
	}
}

// again is dirty for a unit that may have been made in this update already.
func (u *update) again(kind hoststate.Kind, id string) {
	k := hoststate.Key{Kind: kind, ID: id}
	u.seen[k] = true
	u.todo = append(u.todo, k)
}

// countRegion has the public names of a region while a network in it is here.
func (u *update) countRegion(unit hoststate.Unit, by int) {
	n, _ := unit.(*hoststate.Network)
	if n == nil {
		return
	}
	switch has, changed := tally(u.regions, n.Region, by); {
	case has && changed:
		u.rename("region "+n.Region, publicNames(n.Region))
	case changed:
		u.rename("region "+n.Region, nil)
	}
}

// tally counts one more, or one less, of key, and says whether there is any now, and
// whether that has changed.
func tally(counts map[string]int, key string, by int) (has, changed bool) {
	counts[key] += by
	n := counts[key]
	if n == 0 {
		delete(counts, key)
	}
	return n > 0, n == 0 || n == by
}

// rename puts the names of an endpoint or region in the place of those before.
func (u *update) rename(of string, names []*hoststate.Name) {
	now := map[hoststate.Key]bool{}
	var keys []hoststate.Key
	for _, n := range names {
		now[n.Key()] = true
		keys = append(keys, n.Key())
		u.place(n.Key(), n)
	}
	for _, k := range u.named[of] {
		if !now[k] {
			u.place(k, nil)
		}
	}
	delete(u.named, of)
	if len(keys) > 0 {
		u.named[of] = keys
	}
}
