// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate/feed"
)

// awaitReady returns once all parts have come to one position. By then ca.pem
// and client.json are there.
func (u *upRun) awaitReady(ctx context.Context) (client, error) {
	var b order.Bootstrap
	if err := getJSON(ctx, u.path(controlSocket), "/v1/bootstrap", &b); err != nil {
		return client{}, err
	}
	if err := u.writeCA(b.CA); err != nil {
		return client{}, err
	}
	if err := getJSON(ctx, u.path(controlSocket), "/v1/ready", nil); err != nil {
		return client{}, err
	}
	c := client{
		Endpoint: "https://" + u.listen, Account: b.Account, Region: b.Region,
		AccessKey: b.AccessKey, SecretKey: b.SecretKey, CABundle: u.path(caFile),
	}
	return c, writeClient(u.runDir, c, u.owner())
}

// writeCA puts ca.pem in place at once and whole. The agent waits for this file: it
// proves endpoints by it, and gives it to instances.
func (u *upRun) writeCA(pem string) error {
	tmp := u.path(caFile + ".new")
	if err := os.WriteFile(tmp, []byte(pem), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, u.path(caFile))
}

// getJSON asks one of the parts over its socket in the run directory.
func getJSON(ctx context.Context, socket, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://enishi"+path, nil)
	if err != nil {
		return err
	}
	return ask(socket, req, out)
}

// postJSON gives one of the parts an order.
func postJSON(ctx context.Context, socket, path string, order, out any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://enishi"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return ask(socket, req, out)
}

// notServed is that a part knows nothing of what it was asked for, in its words.
// Control does not answer operators on other hosts.
type notServed struct{ what string }

func (e notServed) Error() string { return e.what }

// errNotYours is what a part answers anybody but root and the user of `enishi up`.
var errNotYours = errors.New("it belongs to the user who started `enishi up`")

func ask(socket string, req *http.Request, out any) error {
	return askBy(feed.UnixClient(socket), socket, req, out)
}

// askBy asks whom the client reaches, once.
func askBy(h *http.Client, whom string, req *http.Request, out any) error {
	defer h.CloseIdleConnections()
	resp, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", whom, unwrapURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		said := strings.TrimSpace(string(text))
		switch resp.StatusCode {
		case http.StatusBadRequest: // the person's mistake, said in one line
			return errors.New(said)
		case http.StatusNotFound:
			return notServed{said}
		case http.StatusForbidden:
			return fmt.Errorf("ask %s: %w", whom, errNotYours)
		}
		return fmt.Errorf("ask %s for %s: %s: %s", whom, req.URL.Path, resp.Status, said)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// unwrapURL drops the made-up URL that net/http puts in front of its errors.
func unwrapURL(err error) error {
	if u := errors.Unwrap(err); u != nil {
		return u
	}
	return err
}

// runUserCommand runs the user's command as the user who started `up`, and returns
// its exit code as an exitError.
func (u *upRun) runUserCommand(ctx context.Context, c client) error {
	cmd := exec.Command(u.command[0], u.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = u.stdin, u.stdout, u.stderr
	cmd.Env = append(c.environ(u.environ), "ENISHI_RUN_DIR="+u.runDir)
	if o := u.owner(); o.uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}}
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(u.stderr, "enishi: up: run %s: %v\n", u.command[0], err)
		return exitError(127) // as a shell has it, and as instances have
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		_ = cmd.Process.Signal(unix.SIGTERM)
		err = <-ended
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return exitError(exitCode(exit.ProcessState))
	}
	return fmt.Errorf("run %s: %w", u.command[0], err)
}

// exitCode is a process's exit code as a shell gives it: 128 and the signal for a killed one.
func exitCode(p *os.ProcessState) int {
	if ws, ok := p.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return p.ExitCode()
}
