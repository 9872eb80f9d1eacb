// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) envCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "Wait until ready, then print what a shell needs to use it",
		Example: "  eval \"$(enishi env)\"\n  aws ec2 describe-vpcs",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.awaitClient(cmd.Context())
			if err != nil {
				return fmt.Errorf("env: %w", err)
			}
			return c.printEnv(a.stdout, output)
		},
	}
	outputFlag(cmd, &output, "shell", "json")
	return cmd
}

// printEnv prints the variables for a shell to eval, or as JSON.
func (c client) printEnv(w io.Writer, output string) error {
	if output == "json" {
		vars := map[string]string{}
		for _, kv := range c.variables() {
			vars[kv[0]] = kv[1]
		}
		return json.NewEncoder(w).Encode(vars)
	}
	for _, kv := range c.variables() {
		fmt.Fprintf(w, "export %s=%s\n", kv[0], quote(kv[1]))
	}
	_, err := fmt.Fprintln(w, "unset AWS_SESSION_TOKEN AWS_PROFILE")
	return err
}

// notRunning says that there is nothing to talk to, and what to do.
func (a *app) notRunning() error {
	return notRunningError(a.runDir)
}

// outputFlag adds --output with the formats that the command knows, the first by default.
func outputFlag(cmd *cobra.Command, p *string, formats ...string) {
	cmd.Flags().StringVarP(p, "output", "o", formats[0], "one of: "+strings.Join(formats, ", "))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		for _, f := range formats {
			if *p == f {
				return nil
			}
		}
		return usageError{fmt.Errorf("--output %q is none of: %s", *p, strings.Join(formats, ", "))}
	}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// awaitClient waits until the enishi of the run directory is ready: client.json
// is written only then. It gives up at once when none runs.
func (a *app) awaitClient(ctx context.Context) (client, error) {
	var told bool
	for start := time.Now(); ; {
		// An `up &` of the line before may not have its lock yet.
		if _, err := os.Stat(a.path(clientFile)); err == nil && running(a.runDir) {
			return a.ownClient()
		}
		waited := time.Since(start)
		if waited > 2*time.Second && !running(a.runDir) || waited > 30*time.Second {
			_, err := a.ownClient()
			if err == nil {
				err = a.notRunning()
			}
			return client{}, err
		}
		if waited > time.Second && !told {
			fmt.Fprintf(a.stderr, "waiting for enishi in %s to be ready\n", a.runDir)
			told = true
		}
		select {
		case <-ctx.Done():
			return client{}, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// variables is the environment in which aws and SDKs talk to this enishi.
func (c client) variables() [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", c.Endpoint},
		{"AWS_ACCESS_KEY_ID", c.AccessKey},
		{"AWS_SECRET_ACCESS_KEY", c.SecretKey},
		{"AWS_REGION", c.Region},
		{"AWS_DEFAULT_REGION", c.Region},
		{"AWS_CA_BUNDLE", c.CABundle},
		{"NODE_EXTRA_CA_CERTS", c.CABundle}, // the SDK for JavaScript knows no other way
		{"NO_PROXY", "127.0.0.1,localhost"},
	}
}

// environ is base with the client's variables in place of base's own.
func (c client) environ(base []string) []string {
	drop := map[string]bool{"AWS_SESSION_TOKEN": true, "AWS_PROFILE": true}
	for _, kv := range c.variables() {
		drop[kv[0]] = true
	}
	var env []string
	for _, kv := range base {
		if name, _, _ := strings.Cut(kv, "="); !drop[name] {
			env = append(env, kv)
		}
	}
	for _, kv := range c.variables() {
		env = append(env, kv[0]+"="+kv[1])
	}
	return env
}

// quote makes s one word for a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
