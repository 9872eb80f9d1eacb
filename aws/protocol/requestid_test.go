// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"regexp"
	"testing"
)

func TestRequestIDsAreRandomUUIDs(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewRequestID()
		if !uuid.MatchString(id) || seen[id] {
			t.Fatalf("got %q, again: %v", id, seen[id])
		}
		seen[id] = true
	}
}
