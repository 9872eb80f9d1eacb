// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/instance"
)

func (a *app) execCommand() *cobra.Command {
	var env []string
	cmd := &cobra.Command{
		Use:   "exec INSTANCE [--env K=V]... -- CMD...",
		Short: "Run a command in a running instance",
		Long: "Runs CMD in the instance as the calling user, with this terminal, and ends with its exit code.\n" +
			"In an instance of another host root's commands run as root, others' as the user who runs enishi there.",
		Example: "  enishi exec i-0123456789abcdef0 -- aws ec2 describe-availability-zones",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || cmd.ArgsLenAtDash() != 1 {
				return usageError{fmt.Errorf("exec: want one instance, then -- and a command")}
			}
			c, err := a.readClient()
			if errors.Is(err, fs.ErrNotExist) && running(a.runDir) { // a host without control: credentials are the caller's own
				c, err = client{AccessKey: a.getenv("AWS_ACCESS_KEY_ID"), SecretKey: a.getenv("AWS_SECRET_ACCESS_KEY")}, nil
			}
			if err != nil {
				return fmt.Errorf("exec: %w", err)
			}
			return wrap("exec "+args[0], a.exec(cmd.Context(), c, args[0], args[1:], env))
		},
	}
	cmd.Flags().StringArrayVar(&env, "env", nil, "set K=V in the command's environment")
	cmd.ValidArgsFunction = first(a.completeInstances())
	return cmd
}

// enterLimit bounds how long an instance that runs, as the API says, may be out of
// its agent's reach.
const enterLimit = 5 * time.Second

// exec runs argv in an instance with this terminal. A code other than 0 is an exitError.
func (a *app) exec(ctx context.Context, c client, id string, argv, env []string) error {
	for _, kv := range env {
		if !strings.Contains(kv, "=") {
			return usageError{fmt.Errorf("--env %s: want K=V", kv)}
		}
	}
	pass := []string{"AWS_ACCESS_KEY_ID=" + c.AccessKey, "AWS_SECRET_ACCESS_KEY=" + c.SecretKey}
	if token := a.getenv("AWS_SESSION_TOKEN"); token != "" {
		pass = append(pass, "AWS_SESSION_TOKEN="+token)
	}
	for _, name := range []string{"PATH", "HOME", "TERM", "LANG"} {
		if v := a.getenv(name); v != "" {
			pass = append(pass, name+"="+v)
		}
	}
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "/"
	}
	q := instance.Request{Instance: id, Argv: argv, Env: append(pass, env...), Dir: cwd}
	try := func() (int, error) { return a.enter(ctx, c, q) }
	code, err := try()
	var outside instance.NotEnteredError
	if errors.As(err, &outside) && c.Endpoint != "" && a.awaitRunning(ctx, c, id) == nil {
		// It was pending a moment ago, or its host's agent has just been started again.
		for end := time.Now().Add(enterLimit); errors.As(err, &outside) && time.Now().Before(end) && ctx.Err() == nil; {
			if code, err = try(); err != nil {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}

// enter runs the command in the instance, wherever that is.
func (a *app) enter(ctx context.Context, c client, q instance.Request) (int, error) {
	std := instance.Stdio{In: a.stdin, Out: a.stdout, Err: a.stderr}
	host := parts.LocalHost
	if c.Endpoint != "" { // else control is on another machine, and answers nobody here
		host = a.hostOf(ctx, "instance", q.Instance)
	}
	if host == parts.LocalHost {
		return instance.Exec(ctx, a.path(agentSocket), q, std)
	}
	return instance.ExecFar(ctx, a.dialHost(host), q, std)
}
