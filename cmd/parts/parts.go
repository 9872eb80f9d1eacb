// SPDX-License-Identifier: Apache-2.0

// Package parts is what the processes of `enishi up` have in common, whichever program
// they are: who they are, how they begin, and what they are given.
package parts

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"enishi.dev/enishi/instance/confine"
)

// LocalHost is the name of the host where control runs.
const LocalHost = "local"

// The users of the unprivileged parts: numbers of nobody else's, in the range
// that systemd leaves to such dynamic users.
const (
	ControlUID  = 64801
	GatewayUID  = 64802
	ServicesUID = 64803
)

// ControlProgram is the file of the part that is a program of its own.
const ControlProgram = "enishi-control"

// Name says which part a process with these arguments is: `enishi NAME …`, or
// `enishi-NAME …`.
func Name(argv []string) string {
	if name, own := strings.CutPrefix(argv[0], "enishi-"); own {
		return name
	}
	return strings.Join(argv[1:min(2, len(argv))], "")
}

// Profile is what the part needs of the kernel; false: the part is privileged.
func Profile(name string) (confine.Profile, bool) {
	switch name {
	case "control":
		return confine.Profile{Files: true}, true
	case "gateway":
		return confine.Profile{Sockets: true}, true
	case "services":
		return confine.Profile{}, true
	}
	return confine.Profile{}, false
}

// Run runs the part of the name until ctx ends: it logs to stderr, and unless it is
// privileged it is left with the system calls of its profile.
func Run(ctx context.Context, name string, stderr io.Writer, run func(ctx context.Context, log *slog.Logger) error) error {
	if may, unprivileged := Profile(name); unprivileged {
		if err := confine.Filter(may); err != nil {
			return err
		}
	}
	defer runtime.KeepAlive(spare())
	return run(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
}

// spare is memory that nobody touches, and that is therefore none of the machine's.
// The collector begins when the heap has doubled, and counts it: a part that lives on
// short-lived memory over a few megabytes collects less often, and a tenth of
// its time is saved; a large one as before.
func spare() []byte { return make([]byte, 32<<20) }

// Inherit takes over a listening socket that the parent opened.
func Inherit(fd uintptr, what string) (net.Listener, error) {
	f := os.NewFile(fd, what)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("%s on fd %d: %w: start it through `enishi up`", what, fd, err)
	}
	return l, nil
}

// Version is the module's version, or the commit that was built. Programs of one
// release have the same.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
