// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// Console keeps what an instance's host says of its console. Of an instance that
// is not on the host, or gone, nothing is kept.
func (l *Lifecycle) Console(ctx context.Context, c hoststate.Console) error {
	return l.store.Decide(ctx, func(tx *store.Tx) error {
		i, ok := tx.Instances.Get(c.Instance)
		if ok && i.Host == c.Host && i.Status.Gone.IsZero() {
			i.Status.Console, i.Status.ConsoleAt = c.Output, tx.Now()
			tx.Instances.PutStatus(i)
		}
		return nil
	})
}
