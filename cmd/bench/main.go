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

	"enishi.dev/enishi/cmd/attack"
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

const reported = "reported" // wanted of what has no bound

// part is one measurement.
type part struct {
	number, name string
	run          func(context.Context, *bench) ([]row, error)
}

var parts = []part{
	{"1", "two instances against a bare veth pair", veth},
	{"2", "a new endpoint until it answers", endpoints},
	{"3", "a changed rule until it is enforced", rules},
	{"4", "a changed rule among many interfaces", scale},
	{"5", "up until ready", ready},
	{"6", "TLS requests against nginx", proxies},
	{"7", "two hosts against kernel VXLAN", twoHosts},
	{"8", "a resolver against CoreDNS", resolvers},
	{"9", "API calls against moto", apis},
	{"10", "a killed agent until everything holds again", restart},
	{"11", "memory of each VPC, endpoint and instance", memory},
	{"12", "others while an instance attacks", hostile},
}

// bench is what the parts share.
type bench struct {
	enishi  string // path of the program
	coredns string // path of CoreDNS
	self    string
	quick   bool
	dir     string
	attacks string // names of those of the last part, with commas; "": all
	*world
}

func run(ctx context.Context) error {
	enishi := flag.String("enishi", "build/enishi", "the program to measure")
	coredns := flag.String("coredns", "build/coredns", "the CoreDNS to measure beside it")
	quick := flag.Bool("quick", false, "fewer rounds")
	only := flag.String("only", "", "numbers of the parts to run, with commas: "+contents())
	attacks := flag.String("attacks", "", "names of the attacks of part 12, with commas")
	sealed := flag.Bool("sealed", false, "already in a network namespace of its own")
	on := flag.String("on", "", "the processor to stay on: first or last")
	flag.Parse()
	if *on != "" {
		if err := pin(placement(*on)); err != nil {
			return err
		}
	}
	switch flag.Arg(0) { // inside namespaces
	case "serve":
		return serve()
	case "measure":
		return measureMain(flag.Args()[1:])
	case "probe":
		return probe()
	case "victim":
		return victimMain(flag.Args()[1:])
	case "attack":
		return attack.Main(flag.Args()[1:])
	case "change":
		return changeMain(ctx, flag.Args()[1:])
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root, for network namespaces")
	}
	for n := range strings.SplitSeq(*only, ",") {
		if n != "" && !slices.ContainsFunc(parts, func(p part) bool { return p.number == n }) {
			return fmt.Errorf("-only %s: there is %s", n, contents())
		}
	}
	if !*sealed {
		return seal(ctx)
	}
	b := &bench{enishi: *enishi, coredns: *coredns, quick: *quick, attacks: *attacks}
	return b.all(ctx, *only)
}

// contents lists the parts.
func contents() string {
	var list []string
	for _, p := range parts {
		list = append(list, p.number+" "+p.name)
	}
	return strings.Join(list, ", ")
}

// seal runs the benchmark again in a network namespace without a way out, and in a
// mount namespace, so that nothing mounted outlives even a killed run.
func seal(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"-sealed"}, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	// The signal comes when the starting thread ends: let none but the process do so.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
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
		if only != "" && !slices.Contains(strings.Split(only, ","), p.number) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s: %s\n", p.number, p.name)
		r, err := p.run(ctx, b)
		if err != nil {
			return fmt.Errorf("part %s: %w", p.number, err)
		}
		rows = append(rows, r...)
	}
	table(rows)
	return nil
}

func table(rows []row) {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%s, Linux %s, %d cores of %s, %s; load average at the end %s\n\n", time.Now().Format(time.DateOnly), kernel(), runtime.NumCPU(), processor(), runtime.Version(), strings.Join(strings.Fields(string(load))[:3], " "))
	fmt.Println("| what | want | got | verdict |")
	fmt.Println("|---|---|---|---|")
	for _, r := range rows {
		verdict := "holds"
		switch {
		case r.want == reported:
			verdict = ""
		case !r.ok:
			verdict = "**missed**"
		}
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, r.want, r.got, verdict)
	}
}

// processor is what the processors call themselves.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}
