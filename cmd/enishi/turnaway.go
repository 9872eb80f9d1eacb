// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// turnAway closes for d, or until ctx ends, every connection that comes or has come to
// those of the files that are sockets which listen.
func turnAway(ctx context.Context, files []*os.File, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range files {
		l, err := net.FileListener(f)
		if err != nil {
			continue // it is something else
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = l.Close() })()
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
			}
		})
	}
	<-ctx.Done()
}
