// SPDX-License-Identifier: Apache-2.0

// Command bench measures enishi beside something real in the same run, and prints
// ratios. It knows enishi only as a user does: the command, the API, instances;
// and, for the model with 100,000 interfaces, three rooms of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// row is one line of the table.
type row struct {
	what, want, got string
	ok              bool
}

// part is one measurement.
type part struct {
	name string
	run  func(context.Context, *bench) ([]row, error)
}

var parts = []part{
	{"ready", ready},
	{"veth", veth},
	{"endpoint", endpoints},
	{"rule", rules},
	{"scale", scale},
}

// bench is what the parts share.
type bench struct {
	enishi string // path of the program
	self   string
	quick  bool
	dir    string
	*world
}

func run(ctx context.Context) error {
	enishi := flag.String("enishi", "build/enishi", "the program to measure")
	quick := flag.Bool("quick", false, "fewer rounds")
	only := flag.String("only", "", "parts to run, with commas: ready, veth, endpoint, rule, scale")
	sealed := flag.Bool("sealed", false, "already in a network namespace of its own")
	flag.Parse()
	switch flag.Arg(0) { // inside namespaces
	case "serve":
		return serve()
	case "measure":
		return measureMain(flag.Args()[1:])
	case "probe":
		return probe()
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root, for network namespaces")
	}
	if !*sealed {
		return seal(ctx)
	}
	b := &bench{enishi: *enishi, quick: *quick}
	return b.all(ctx, *only)
}

// seal runs the benchmark again in a network namespace without a way out.
func seal(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"-sealed"}, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	return cmd.Run()
}

func (b *bench) all(ctx context.Context, only string) (err error) {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "enishi-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var rows []row
	for _, p := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring: %s\n", p.name)
		r, err := p.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, r...)
	}
	table(rows)
	return nil
}

func table(rows []row) {
	fmt.Printf("%s, Linux %s, %d cores, %s\n\n", time.Now().Format(time.DateOnly), kernel(), runtime.NumCPU(), runtime.Version())
	fmt.Println("| what | wanted | got | |")
	fmt.Println("|---|---|---|---|")
	for _, r := range rows {
		verdict := "holds"
		if !r.ok {
			verdict = "**missed**"
		}
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, r.want, r.got, verdict)
	}
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}
