// SPDX-License-Identifier: Apache-2.0

package region

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
)

// PrefixList is a list that AWS keeps of where one of its services is in a region.
type PrefixList struct {
	ID       string // pl- and eight hexadecimal digits
	Name     string // com.amazonaws.ap-northeast-1.s3
	Prefixes []netip.Prefix
}

// PrefixLists returns AWS's lists in the region by id: one for each service that
// gateway endpoints lead to. What is in them is where [Region.PublicNames] lead.
func (r Region) PrefixLists() []PrefixList {
	var lists []PrefixList
	for _, label := range publicOnly {
		l := PrefixList{Name: "com.amazonaws." + r.Name + "." + label}
		for _, n := range r.PublicNames() {
			if n.Name == label+"."+r.Name+".amazonaws.com" {
				l.Prefixes = append(l.Prefixes, netip.PrefixFrom(n.Address, n.Address.BitLen()))
			}
		}
		l.ID = prefixListID(l.Name)
		lists = append(lists, l)
	}
	slices.SortFunc(lists, func(a, b PrefixList) int { return cmp.Compare(a.ID, b.ID) })
	return lists
}

// PrefixList returns AWS's list of the region with the id.
func (r Region) PrefixList(id string) (PrefixList, bool) {
	for _, l := range r.PrefixLists() {
		if l.ID == id {
			return l, true
		}
	}
	return PrefixList{}, false
}

// prefixListID is AWS's id of the list; a made-up one, always the same, where
// AWS's is not known.
func prefixListID(name string) string {
	if id, ok := prefixListIDs[name]; ok {
		return id
	}
	sum := sha256.Sum256([]byte(name))
	return "pl-" + hex.EncodeToString(sum[:4])
}

var prefixListIDs = map[string]string{
	"com.amazonaws.us-east-1.s3": "pl-63a5400a", "com.amazonaws.us-east-1.dynamodb": "pl-02cd2c6b",
	"com.amazonaws.us-west-2.s3": "pl-68a54001", "com.amazonaws.eu-west-1.s3": "pl-6da54004",
	"com.amazonaws.eu-central-1.s3": "pl-6ea54007", "com.amazonaws.ap-southeast-1.s3": "pl-6fa54006",
	"com.amazonaws.ap-northeast-1.s3": "pl-61a54008", "com.amazonaws.ap-northeast-1.dynamodb": "pl-78a54011",
}
