// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// initName is how this program is called when it is an instance's first process.
const initName = "instance-init"

// IsInit says whether args are those of an instance's first process.
func IsInit(args []string) bool { return len(args) == 3 && args[1] == initName }

// InitMain is the first process of an instance: it makes the instance's view of
// the machine, says so on fd 4, runs what comes by the socket on fd 3, and reaps.
// It returns only when it cannot start.
func InitMain(args []string) int {
	ready := os.NewFile(4, "ready")
	sock := os.NewFile(3, "exec socket")
	s, err := prepare(args[2])
	if err == nil {
		var l net.Listener
		if l, err = net.FileListener(sock); err == nil {
			sock.Close()
			fmt.Fprint(ready, "ok")
			ready.Close()
			return serve(l.(*net.UnixListener), s)
		}
	}
	fmt.Fprint(ready, err)
	return 1
}

func prepare(dir string) (Spec, error) {
	var s Spec
	b, err := os.ReadFile(filepath.Join(dir, specFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if err := s.enter(dir); err != nil {
		return s, err
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return s, fmt.Errorf("set hostname: %w", err)
	}
	// Nobody inside may look into this process, which holds the host's files open.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return s, err
	}
	return s, os.Chdir("/")
}

// serve takes commands until the machine takes this process away. Signals from
// inside do not end it; the kernel sees to that for pid 1.
func serve(l *net.UnixListener, s Spec) int {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE)
	r := newReaper()
	go r.run()
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			continue
		}
		if err != nil {
			return 1
		}
		go func() {
			defer c.Close()
			if err := s.runCommand(c, r); err != nil {
				_ = send(c, answer{Error: err.Error(), Code: 126})
			}
		}()
	}
}
