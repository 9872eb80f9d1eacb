// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"time"

	"enishi.dev/enishi/instance"
)

const (
	consoleEvery  = 500 * time.Millisecond
	consoleAtMost = 10 * time.Second // how old what control has may be while more comes
)

// watchConsole tells control what the instance's script writes: when it pauses,
// and now and then while it goes on.
func (a *Agent) watchConsole(id string, p *instance.Instance) {
	if b, err := p.Console(); b == nil && err == nil {
		return
	}
	a.board.watchers.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		a.board.watchers.Go(func() { // an agent that ends waits for no answer
			select {
			case <-a.board.closing:
				cancel()
			case <-ctx.Done():
			}
		})
		t := time.NewTicker(consoleEvery)
		defer t.Stop()
		var told, before []byte
		last := time.Now()
		for {
			select {
			case <-a.board.closing:
				return
			case <-p.Ended():
				return
			case <-t.C:
			}
			now, err := p.Console()
			if err != nil {
				continue
			}
			settled := bytes.Equal(now, before)
			before = now
			if bytes.Equal(now, told) || !settled && time.Since(last) < consoleAtMost {
				continue
			}
			if err := a.feed.Console(ctx, id, now); err != nil {
				a.Log.Debug("console not told; it is tried again", "instance", id, "err", err)
				continue
			}
			told, last = now, time.Now()
		}
	})
}
