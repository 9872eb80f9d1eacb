// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// story is a demo being told: a running `up` and what the steps so far made.
type story struct {
	*app
	out   io.Writer // what is told
	begun time.Time
	up    *exec.Cmd
	ended chan error
	vars  map[string]string // names for ids: vpc, subnet-a, instance, …
	after string            // what the reader would type after a command: " &" for one of several
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// run executes this program with args, shows the command as the reader would type it.
func (s *story) run(ctx context.Context, shown string, args ...string) (result, error) {
	fmt.Fprintf(s.out, "   $ %s%s\n", shown, s.after)
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"--run-dir", s.runDir}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = s.plainEnv()
	begun := time.Now()
	err := cmd.Run()
	r := result{stdout: strings.TrimSpace(out.String()), stderr: strings.TrimSpace(errs.String()), took: time.Since(begun)}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.code, err = exitCode(exit.ProcessState), nil
	}
	return r, err
}

// plainEnv is the environment without anything that would lead aws elsewhere.
func (s *story) plainEnv() []string {
	var env []string
	for _, kv := range s.environ {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
}

// aws runs the aws CLI from outside; anything but success is an error with its words.
// Quotes in line are for the reader's shell; no word has spaces.
func (s *story) aws(ctx context.Context, line string) (string, error) {
	line = s.expand(line)
	r, err := s.run(ctx, "aws "+line, append([]string{"aws"}, strings.Fields(strings.ReplaceAll(line, "'", ""))...)...)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("aws %s: exit code %d: %s", line, r.code, r.stderr)
	}
	if err == nil && r.stdout != "" {
		fmt.Fprintf(s.out, "     %s\n", strings.ReplaceAll(r.stdout, "\n", "\n     "))
	}
	return r.stdout, err
}

// name runs the aws CLI and keeps the one word it answers under name.
func (s *story) name(ctx context.Context, name, line string) error {
	v, err := s.aws(ctx, line)
	if err == nil && (v == "" || v == "None" || strings.ContainsAny(v, " \t\n")) {
		err = fmt.Errorf("aws %s: wanted one id, got %q", s.expand(line), v)
	}
	s.vars[name] = v
	return err
}

// each runs several lines of aws, in order.
func (s *story) each(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		if _, err := s.aws(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// inside runs a command in the instance that name stands for.
func (s *story) inside(ctx context.Context, name string, argv ...string) (result, error) {
	shown := fmt.Sprintf("enishi exec %s -- %s", s.vars[name], strings.Join(argv, " "))
	r, err := s.run(ctx, shown, append([]string{"exec", s.vars[name], "--env", "AWS_MAX_ATTEMPTS=1", "--"}, argv...)...)
	if err == nil {
		said := r.stdout
		if r.code != 0 {
			said = r.stderr
		}
		fmt.Fprintf(s.out, "     %s   [exit code %d after %.1f s]\n", strings.ReplaceAll(said, "\n", "\n     "), r.code, r.took.Seconds())
	}
	return r, err
}

// expand puts ids in the place of {name}.
func (s *story) expand(line string) string {
	for name, v := range s.vars {
		line = strings.ReplaceAll(line, "{"+name+"}", v)
	}
	return line
}

// until asks again every 20 ms until ok, for at most five seconds; what tells how it differs then.
func until(ctx context.Context, what string, ok func() (bool, string, error)) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		done, got, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wanted %s within 5 s, got %s", what, got)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// start runs `enishi up` and waits until `enishi env` answers.
func (s *story) start(ctx context.Context) error {
	fmt.Fprintln(s.out, "   $ enishi up --ephemeral &")
	s.up = exec.Command("/proc/self/exe", "--run-dir", s.runDir, "up", "--ephemeral")
	s.up.Stderr, s.up.Env = s.stderr, s.plainEnv()
	s.up.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	if err := s.up.Start(); err != nil {
		return err
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.up.Wait() }()
	r, err := s.run(ctx, `eval "$(enishi env)"`, "env")
	if err == nil && r.code != 0 {
		err = fmt.Errorf("enishi env: exit code %d: %s", r.code, r.stderr)
	}
	return err
}

// stop ends `enishi up` as an operator would, and returns how it ended.
func (s *story) stop() error {
	if s.up == nil {
		return nil
	}
	_ = s.up.Process.Signal(unix.SIGTERM)
	select {
	case err := <-s.ended:
		s.up = nil
		return err
	case <-time.After(20 * time.Second):
		return errors.New("enishi up: wanted an end within 20 s of SIGTERM, it still runs")
	}
}

// end is stop for a story that broke off.
func (s *story) end() {
	if err := s.stop(); err != nil && s.up != nil {
		_ = s.up.Process.Kill()
	}
}

// showLogs prints the last lines of every part's log, for whoever finds out why a step differs.
func (s *story) showLogs() {
	logs, _ := filepath.Glob(filepath.Join(s.path(logDir), "*.log"))
	for _, log := range logs {
		b, err := os.ReadFile(log)
		if err != nil || len(b) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		fmt.Fprintf(s.stderr, "--- %s\n%s\n", filepath.Base(log), strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}
