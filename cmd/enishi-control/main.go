// SPDX-License-Identifier: Apache-2.0

// Command enishi-control is the part of `enishi up` that decides. enishi starts it
// from the directory where it is itself.
package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/cmd/parts/control"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	os.Exit(control.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
