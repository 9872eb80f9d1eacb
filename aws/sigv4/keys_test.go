// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"fmt"
	"testing"
)

func TestKeysRememberNoMoreThanTheyMay(t *testing.T) {
	var k Keys
	for i := range 3 * mostKeys {
		s := scope{"secret", fmt.Sprint(i % (mostKeys + 7)), "ap-northeast-1", "ec2"}
		if got := k.derive(s); got != DeriveKey(s.secret, s.date, s.region, s.service) {
			t.Fatalf("%v: another key", s)
		}
		if len(k.derived) > mostKeys {
			t.Fatalf("it remembers %d", len(k.derived))
		}
	}
}
