// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"strings"
	"testing"
)

func TestATagIsAmongTheMetadataIfItsKeyCanBeAPath(t *testing.T) {
	for key, want := range map[string]bool{
		"Name": true, "a-b_c+d=e,f.g@h:i": true, "0": true, strings.Repeat("k", 255): true, "...": true, "_INDEX": true,
		"": false, ".": false, "..": false, "_index": false, strings.Repeat("k", 256): false,
		"a/b": false, "a b": false, " a": false, "a\n": false, "né": false,
	} {
		if got := MetadataTag(key); got != want {
			t.Errorf("MetadataTag(%q) = %v, want %v", key, got, want)
		}
	}
}
