// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The files of a run directory. state/ is the agent's.
const (
	lockFile           = "lock"
	clientFile         = "client.json"
	caFile             = "ca.pem"
	controlSocket      = "control.sock"
	agentSocket        = "agent.sock"
	agentGatewaySocket = "agent-gateway.sock"
	gatewaySocket      = "gateway.sock"
	servicesSocket     = "services.sock"
	logDir             = "log"
	accessLog          = "log/access.log"
	ephemeralData      = "data"
)

func (a *app) path(name string) string { return filepath.Join(a.runDir, name) }

// client is what a command needs to talk to a running enishi: client.json.
type client struct {
	Endpoint  string `json:"endpoint"` // https://127.0.0.1:4566
	Account   string `json:"account"`
	Region    string `json:"region"`
	AccessKey string `json:"accessKeyId"`
	SecretKey string `json:"secretAccessKey"`
	CABundle  string `json:"caBundle"` // path of the region's CA certificate
}

// owner is the user who started `up`: the one behind sudo, else the one it runs as.
type owner struct{ uid, gid int }

func (w world) owner() owner {
	uid, err1 := strconv.Atoi(w.getenv("SUDO_UID"))
	gid, err2 := strconv.Atoi(w.getenv("SUDO_GID"))
	if os.Geteuid() != 0 || err1 != nil || err2 != nil {
		return owner{os.Getuid(), os.Getgid()}
	}
	return owner{uid, gid}
}

// openRunDir makes the run directory and takes its lock, which holds until the
// file is closed. A directory in use by another `up` is an error that names it.
func openRunDir(dir string) (lock *os.File, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := checkRunDir(dir); err != nil {
		return nil, err
	}
	lock, err = os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(lock.Name())
		lock.Close()
		return nil, fmt.Errorf("run directory %s is in use by enishi with pid %s: end that one, or give --run-dir", dir, pid)
	}
	if err := lock.Truncate(0); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if _, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// maxRunDir leaves room for the longest path of a socket below it: unix(7) allows 107 bytes.
const maxRunDir = 107 - len("/state/instances/i-0123456789abcdef0/exec.sock")

// checkRunDir refuses a directory to which the parts' users cannot walk, or in
// which sockets have no room.
func checkRunDir(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if len(path) > maxRunDir {
		return fmt.Errorf("run directory %s: its path is longer than %d bytes, which leaves sockets no room: give a shorter --run-dir", dir, maxRunDir)
	}
	for ; path != "/"; path = filepath.Dir(path) {
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		if st.Mode()&0o001 == 0 {
			return fmt.Errorf("run directory %s: %s is closed to other users, as which parts of enishi run: chmod a+x it, or give another --run-dir", dir, path)
		}
	}
	return nil
}

// running tells whether some `up` holds the run directory. While a new one takes
// over, the lock still names the one before, which is dead.
func running(dir string) bool {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return false
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return false
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(string(b))
	return err == nil && unix.Kill(pid, 0) != unix.ESRCH
}

// writeClient puts client.json in place at once and whole, readable by o alone.
func writeClient(dir string, c client, o owner) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, clientFile+".new")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Chown(tmp, o.uid, o.gid); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, clientFile))
}

// notRunningError is that no enishi runs with the run directory, or none with control.
type notRunningError string

func (e notRunningError) Error() string {
	return fmt.Sprintf("no enishi runs with run directory %s: start one with `enishi up`, or give --run-dir", string(e))
}

func (notRunningError) Is(err error) bool { return err == fs.ErrNotExist }

// readClient reads client.json of a running enishi. A shell in which
// AWS_ENDPOINT_URL is set talks to what its AWS_* name instead: to another
// enishi, or to this one as somebody else.
func (a *app) readClient() (client, error) {
	c, err := a.ownClient()
	if err != nil || a.getenv("AWS_ENDPOINT_URL") == "" {
		return c, err
	}
	for name, p := range map[string]*string{
		"AWS_ENDPOINT_URL": &c.Endpoint, "AWS_ACCESS_KEY_ID": &c.AccessKey, "AWS_SECRET_ACCESS_KEY": &c.SecretKey,
		"AWS_REGION": &c.Region, "AWS_CA_BUNDLE": &c.CABundle,
	} {
		if v := a.getenv(name); v != "" {
			*p = v
		}
	}
	return c, nil
}

// ownClient is client.json as `up` wrote it.
func (a *app) ownClient() (client, error) {
	var c client
	b, err := os.ReadFile(a.path(clientFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, notRunningError(a.runDir)
	case errors.Is(err, fs.ErrPermission):
		return c, fmt.Errorf("%w: %w", err, errNotYours)
	case err != nil:
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", a.path(clientFile), err)
	}
	return c, nil
}
