// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/arn"
	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

// prefixListOwner is who AWS says has its own lists.
const prefixListOwner = "AWS"

var managedPrefixListFilters = filters[region.PrefixList]{
	"owner-id":         func(region.PrefixList) []string { return []string{prefixListOwner} },
	"prefix-list-id":   func(l region.PrefixList) []string { return []string{l.ID} },
	"prefix-list-name": func(l region.PrefixList) []string { return []string{l.Name} },
}

var prefixListFilters = filters[region.PrefixList]{
	"prefix-list-id":   managedPrefixListFilters["prefix-list-id"],
	"prefix-list-name": managedPrefixListFilters["prefix-list-name"],
}

// choosePrefixLists returns a page of AWS's lists in the region, with the ids if
// there are any. Nobody's own are there yet.
func choosePrefixLists(c *api.Call, sel selection, by filters[region.PrefixList]) ([]region.PrefixList, *string, error) {
	r, _ := region.Of(c.Region)
	rows := r.PrefixLists()
	if len(sel.IDs) > 0 {
		rows = nil
		for _, id := range sel.IDs {
			l, err := prefixList(c, id)
			if err != nil {
				return nil, nil, err
			}
			rows = append(rows, l)
		}
		slices.SortFunc(rows, func(a, b region.PrefixList) int { return cmp.Compare(a.ID, b.ID) })
		rows = slices.CompactFunc(rows, func(a, b region.PrefixList) bool { return a.ID == b.ID })
	}
	return choose(c, sel, rows, func(l region.PrefixList) string { return l.ID }, by, nil)
}

func prefixList(c *api.Call, id string) (region.PrefixList, error) {
	if _, err := vpc.ParseID[string](vpc.PrefixListIDs, id); err != nil {
		return region.PrefixList{}, err
	}
	r, _ := region.Of(c.Region)
	l, ok := r.PrefixList(id)
	if !ok {
		return l, vpc.PrefixListIDs.NotFound(id)
	}
	return l, nil
}

// noPrefixList is the error for a list where none can be named yet.
func noPrefixList(c *api.Call, id *string) error {
	if _, err := prefixList(c, value(id)); err != nil {
		return err
	}
	return awserr.New("UnsupportedOperation", "A prefix list (%s) is not supported here.", *id)
}

func prefixTexts(prefixes []netip.Prefix) []string {
	out := make([]string, 0, len(prefixes))
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return out
}

func (s *Server) describePrefixLists(_ context.Context, c *api.Call, in *wire.DescribePrefixListsInput) (*wire.DescribePrefixListsOutput, error) {
	sel := selection{IDs: in.PrefixListIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Fewest: 1}
	rows, next, err := choosePrefixLists(c, sel, prefixListFilters)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribePrefixListsOutput{PrefixLists: []wire.PrefixList{}, NextToken: next}
	for _, l := range rows {
		out.PrefixLists = append(out.PrefixLists, wire.PrefixList{
			Cidrs: prefixTexts(l.Prefixes), PrefixListId: new(l.ID), PrefixListName: new(l.Name),
		})
	}
	return out, nil
}

func (s *Server) describeManagedPrefixLists(_ context.Context, c *api.Call, in *wire.DescribeManagedPrefixListsInput) (*wire.DescribeManagedPrefixListsOutput, error) {
	sel := selection{IDs: in.PrefixListIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Fewest: 1, Most: 100}
	rows, next, err := choosePrefixLists(c, sel, managedPrefixListFilters)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeManagedPrefixListsOutput{PrefixLists: []wire.ManagedPrefixList{}, NextToken: next}
	for _, l := range rows {
		name := arn.ARN{Partition: "aws", Service: "ec2", Region: c.Region, Account: "aws", Resource: "prefix-list/" + l.ID}
		out.PrefixLists = append(out.PrefixLists, wire.ManagedPrefixList{
			AddressFamily: new("IPv4"), OwnerId: new(prefixListOwner), PrefixListArn: new(name.String()),
			PrefixListId: new(l.ID), PrefixListName: new(l.Name), State: "create-complete", Tags: []wire.Tag{},
		})
	}
	return out, nil
}

func (s *Server) getManagedPrefixListEntries(_ context.Context, c *api.Call, in *wire.GetManagedPrefixListEntriesInput) (*wire.GetManagedPrefixListEntriesOutput, error) {
	// TargetVersion: AWS's own lists have no versions.
	if err := api.Only(in, "PrefixListId", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	l, err := prefixList(c, value(in.PrefixListId))
	if err != nil {
		return nil, err
	}
	rows, next, err := page(c, paging{MaxResults: in.MaxResults, NextToken: in.NextToken, Selection: l.ID, Fewest: 1, Most: 100},
		prefixTexts(l.Prefixes), func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	out := &wire.GetManagedPrefixListEntriesOutput{Entries: []wire.PrefixListEntry{}, NextToken: next}
	for _, p := range rows {
		out.Entries = append(out.Entries, wire.PrefixListEntry{Cidr: new(p)})
	}
	return out, nil
}
