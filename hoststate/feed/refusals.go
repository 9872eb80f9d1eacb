// SPDX-License-Identifier: Apache-2.0

package feed

import "maps"

// Refusals returns the units that do not hold, with the reason, by key.
func (r *Reporter) Refusals() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all.refused)
}
