// SPDX-License-Identifier: Apache-2.0

package vpc

import "time"

// Fresh is what a decision cannot make up itself: ids and numbers that nothing
// has, and the time. The store's transaction gives them.
type Fresh struct {
	ID     func(prefix string) string  // vpc → vpc-0a1b…
	Number func(counter string) uint32 // of vni, eni, group or table
	Now    time.Time
}
