// SPDX-License-Identifier: Apache-2.0

// Command enishi is the whole program: one file per command. It wires the rooms
// together and owns exit codes; it decides nothing itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/instance"
)

func main() { os.Exit(program()) }

// program is main, for tests too: their binary has to be the program when it
// starts itself again.
func program() int {
	if instance.IsInit(os.Args) { // pid 1 of an instance: before anything that takes time
		return instance.InitMain(os.Args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	return run(ctx, os.Args[1:], world{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()})
}

// world is what the program gets from outside.
type world struct {
	stdin, stdout, stderr *os.File
	environ               []string
}

// exitError ends the program with a code of a command's own, without a word.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a mistake in how the command was called: exit code 2.
type usageError struct{ error }

// run executes the command line and returns the exit code: 0, 1 for an error, 2
// for wrong usage, or that of the command it ran.
func run(ctx context.Context, args []string, w world) int {
	root := newRoot(w)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintf(w.stderr, "enishi: %v\nsee: %s --help\n", err, cmd.CommandPath())
		return 2
	}
	fmt.Fprintf(w.stderr, "enishi: %v\n", err)
	return 1
}
