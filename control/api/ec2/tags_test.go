// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"testing"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
)

func TestMoreThanACallCanTag(t *testing.T) {
	s := new(Server) // without a store: nothing is looked up
	many := slices.Repeat([]string{"vpc-00000000000000001"}, 1001)
	const want = "ResourceCountExceeded: You have exceeded the number of resources allowed in a single call of this type"
	t.Run("CreateTags", func(t *testing.T) {
		_, err := s.createTags(t.Context(), new(api.Call), &wire.CreateTagsInput{Resources: many, Tags: []wire.Tag{{Key: new("k")}}})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("DeleteTags", func(t *testing.T) {
		_, err := s.deleteTags(t.Context(), new(api.Call), &wire.DeleteTagsInput{Resources: many})
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
