// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// maxTagged is how many resources one call can name.
const maxTagged = 1000

func (s *Server) createTags(ctx context.Context, c *api.Call, in *wire.CreateTagsInput) (*wire.CreateTagsOutput, error) {
	if err := checkTagged(in.Resources); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, awserr.New("MissingParameter", "The request must contain the parameter Tag")
	}
	tags, err := modelTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return new(wire.CreateTagsOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		return retag(tx, c, in.Resources, func(have map[string]string) (map[string]string, error) {
			return vpc.MergeTags(s.limits, have, tags)
		})
	})
}

func (s *Server) deleteTags(ctx context.Context, c *api.Call, in *wire.DeleteTagsInput) (*wire.DeleteTagsOutput, error) {
	if err := checkTagged(in.Resources); err != nil {
		return nil, err
	}
	gone := map[string]*string{}
	for _, t := range in.Tags {
		gone[value(t.Key)] = t.Value
	}
	if err := vpc.CheckUntag(gone); err != nil {
		return nil, err
	}
	return new(wire.DeleteTagsOutput), s.store.Decide(ctx, func(tx *store.Tx) error {
		return retag(tx, c, in.Resources, func(have map[string]string) (map[string]string, error) {
			if len(in.Tags) == 0 {
				return nil, nil // all of them
			}
			return vpc.WithoutTags(have, gone), nil
		})
	})
}

func checkTagged(ids []string) error {
	switch {
	case len(ids) == 0:
		return awserr.New("MissingParameter", "The request must contain the parameter ResourceId")
	case len(ids) > maxTagged:
		return awserr.New("ResourceCountExceeded", "You have exceeded the number of resources allowed in a single call of this type")
	}
	return nil
}

// retag gives each of the resources the tags that change makes of those it has.
func retag(tx *store.Tx, c *api.Call, ids []string, change changeTags) error {
	named, sorted := map[string]bool{}, make([][]string, len(taggables))
	for _, id := range ids {
		prefix, _, _ := strings.Cut(id, "-")
		i := slices.IndexFunc(taggables, func(t taggable) bool { return t.kind.Prefix == prefix })
		if i < 0 || !taggables[i].kind.Is(id) {
			return awserr.New("InvalidID", "The ID '%s' is not valid", id)
		}
		if !named[id] {
			named[id], sorted[i] = true, append(sorted[i], id)
		}
	}
	for i, ids := range sorted {
		if len(ids) == 0 {
			continue
		}
		if err := taggables[i].retag(tx, c, ids, change); err != nil {
			return err
		}
	}
	return nil
}

// tagRow is one tag of one resource.
type tagRow struct{ resource, kind, key, value string }

var tagFilters = filters[tagRow]{
	"key":           one(func(r tagRow) string { return r.key }),
	"resource-id":   one(func(r tagRow) string { return r.resource }),
	"resource-type": one(func(r tagRow) string { return r.kind }),
	"value":         one(func(r tagRow) string { return r.value }),
}

func (s *Server) describeTags(_ context.Context, c *api.Call, in *wire.DescribeTagsInput) (*wire.DescribeTagsOutput, error) {
	v := s.store.View()
	var rows []tagRow
	for _, t := range taggables {
		t.each(v, c, func(id string, tags map[string]string) {
			for _, k := range slices.Sorted(maps.Keys(tags)) {
				rows = append(rows, tagRow{id, t.name, k, tags[k]})
			}
		})
	}
	id := func(r tagRow) string { return r.resource + " " + r.key } // ids have no spaces
	slices.SortFunc(rows, func(a, b tagRow) int { return cmp.Compare(id(a), id(b)) })
	sel := selection{Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	tags := func(r tagRow) map[string]string { return map[string]string{r.key: r.value} }
	rows, next, err := choose(c, sel, rows, id, tagFilters, tags)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeTagsOutput{Tags: []wire.TagDescription{}, NextToken: next}
	for _, r := range rows {
		out.Tags = append(out.Tags, wire.TagDescription{
			Key: new(r.key), ResourceId: new(r.resource), ResourceType: wire.ResourceType(r.kind), Value: new(r.value),
		})
	}
	return out, nil
}
