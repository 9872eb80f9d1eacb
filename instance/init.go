// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/accept"
)

// initName is how this program is called when it is an instance's first process.
const initName = "instance-init"

// The descriptors that the first process starts with.
const (
	fdSocket = 3 // where commands come in, listening
	fdReady  = 4 // where it says sayReady, or what is wrong
	fdBegin  = 5 // a byte lets it begin; without one, nobody knows of it, and it ends
)

const sayReady = "ok"

// IsInit says whether args are those of an instance's first process.
func IsInit(args []string) bool { return len(args) == 3 && args[1] == initName }

// InitMain is the first process of an instance: it makes the instance's view of
// the machine, says so, runs what comes by its socket, and reaps. It returns only
// when it cannot start.
func InitMain(args []string) int {
	// What this process has inherited, or its parent, is nothing for commands.
	if err := unix.CloseRange(fdSocket, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 1
	}
	sock, ready, begin := os.NewFile(fdSocket, "exec socket"), os.NewFile(fdReady, "ready"), os.NewFile(fdBegin, "begin")
	if n, _ := begin.Read(make([]byte, 1)); n != 1 {
		return 1
	}
	begin.Close()
	s, console, err := prepare(args[2])
	if err == nil {
		var l net.Listener
		if l, err = net.FileListener(sock); err == nil {
			sock.Close()
			fmt.Fprint(ready, sayReady)
			ready.Close()
			return serve(l.(*net.UnixListener), s, console)
		}
	}
	fmt.Fprint(ready, err)
	return 1
}

func prepare(dir string) (s Spec, console *os.File, err error) {
	if s, err = readSpec(dir); err != nil {
		return s, nil, err
	}
	if console, err = s.openConsole(dir); err != nil {
		return s, nil, err
	}
	if err := s.enter(dir); err != nil {
		return s, nil, err
	}
	if err := s.placeScript(); err != nil {
		return s, nil, err
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return s, nil, fmt.Errorf("set hostname: %w", err)
	}
	if err := openNetwork(); err != nil {
		return s, nil, err
	}
	// Nobody inside may look into this process, which holds the host's files open.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return s, nil, err
	}
	return s, console, os.Chdir("/")
}

// openNetwork lets users without privileges ping, and listen on low ports: they
// cannot become root, and the namespace is theirs.
func openNetwork() error {
	for name, value := range map[string]string{
		"ping_group_range":           "0 2147483647",
		"ip_unprivileged_port_start": "0",
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// serve takes commands until the machine takes this process away.
func serve(l *net.UnixListener, s Spec, console *os.File) int {
	// Caught, not ignored: what is ignored stays so in the commands.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM)
	r := newReaper()
	go r.run()
	if console != nil {
		go s.runScript(console, r)
	}
	_ = accept.Each(context.Background(), l, slog.New(slog.DiscardHandler), func(c *net.UnixConn) {
		go func() {
			defer c.Close()
			if err := s.runCommand(c, r); err != nil {
				_ = send(c, answer{Error: err.Error(), Code: exitCode(err)})
			}
		}()
	})
	return 1
}
