// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"maps"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/vpc"
)

// The files convert*.go are the only places where AWS's shapes and the model's
// types meet. Here: what all resources have.

// text is p as a pointer, nil if it is empty.
func text[S ~string](p S) *string {
	if p == "" {
		return nil
	}
	return new(string(p))
}

// texts are ids or other names as AWS's lists have them.
func texts[S ~string](in []S) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

// wireTags is never nil: a resource without tags has an empty set.
func wireTags(tags map[string]string) []wire.Tag {
	out := make([]wire.Tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, wire.Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

// modelTags is nil if there are none. A key that comes twice is an error.
func modelTags(tags []wire.Tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		k := value(t.Key)
		if _, ok := out[k]; ok {
			return nil, awserr.New("InvalidParameterValue", "Duplicate tag key '%s' specified.", k)
		}
		out[k] = value(t.Value)
	}
	return out, nil
}

// tagsFor returns the tags that a request gives to a new resource of the kind;
// a specification for another kind is an error.
func (s *Server) tagsFor(kind string, specs []wire.TagSpecification) (map[string]string, error) {
	by, err := s.tagsByKind(specs, kind)
	return by[kind], err
}

// tagsByKind is tagsFor for an action that makes resources of several kinds.
func (s *Server) tagsByKind(specs []wire.TagSpecification, kinds ...string) (map[string]map[string]string, error) {
	by := map[string]map[string]string{}
	for _, spec := range specs {
		kind := string(spec.ResourceType)
		if kind == "" {
			return nil, awserr.New("InvalidParameterValue", "Tag specification resource type must have a value")
		}
		if !slices.Contains(kinds, kind) {
			return nil, awserr.New("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind)
		}
		if _, ok := by[kind]; ok {
			return nil, awserr.New("InvalidParameterValue", "The tag specifications name the resource type '%s' twice.", kind)
		}
		if len(spec.Tags) == 0 {
			return nil, awserr.New("InvalidParameterValue", "Tag specification must have at least one tag")
		}
		tags, err := modelTags(spec.Tags)
		if err != nil {
			return nil, err
		}
		if by[kind], err = vpc.MergeTags(s.limits, nil, tags); err != nil {
			return nil, err
		}
	}
	return by, nil
}
