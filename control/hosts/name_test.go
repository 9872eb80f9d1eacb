// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"strings"
	"testing"
)

func TestAHostsNameIsALabel(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "7": true, "edge-1": true, "a--b": true, strings.Repeat("a", 63): true,
		"": false, "-": false, "-a": false, "a-": false, "A": false, "a.b": false, "a_b": false, "ä": false, "a\n": false, strings.Repeat("a", 64): false,
	} {
		if got := isHostName(name); got != want {
			t.Errorf("isHostName(%q) = %v, want %v", name, got, want)
		}
	}
}
