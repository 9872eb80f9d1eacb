// SPDX-License-Identifier: Apache-2.0

// Command enishi-control is the part of `enishi up` that decides. enishi starts it
// from the directory where it is itself.
package main

import (
	"os"

	"enishi.dev/enishi/cmd/parts/control"
)

func main() { os.Exit(control.Main(os.Args[1:], os.Stdout, os.Stderr)) }
