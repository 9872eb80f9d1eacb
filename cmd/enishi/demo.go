// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (a *app) demoCommand() *cobra.Command {
	var sealed bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The story of a private instance and its endpoint, told and checked",
		Long: "Starts an ephemeral enishi in a network namespace of its own, tells the story with the\n" +
			"unmodified aws CLI and checks each step: a private instance cannot reach the EC2 API, an\n" +
			"endpoint is made, a rule is missing, the rule is added, the same command answers. Then names,\n" +
			"a second service, a second VPC, and the end of it all. Ends with 1 at the first step that\n" +
			"differs, saying what was wanted and what came.",
		Example: "  sudo enishi demo",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Geteuid() != 0 {
				return errors.New("demo: needs root, for network namespaces: run `sudo enishi demo`")
			}
			if _, err := exec.LookPath("aws"); err != nil {
				return errors.New("demo: the aws CLI is not on PATH: install it, on Debian with `apt-get install awscli`")
			}
			if !sealed {
				return wrap("demo", a.seal(cmd.Context()))
			}
			return wrap("demo", a.tell(cmd.Context()))
		},
	}
	cmd.Flags().BoolVar(&sealed, "sealed", false, "already in a network namespace without a way out")
	_ = cmd.Flags().MarkHidden("sealed")
	return cmd
}

// seal runs the demo again in a new network namespace: nothing of it can reach a real network.
func (a *app) seal(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "demo", "--sealed")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(exitCode(exit.ProcessState)) // it has said why
	}
	return err
}

// tell sets the scene, tells the story and clears up.
func (a *app) tell(ctx context.Context) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "enishi-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s := &story{app: &app{world: a.world, runDir: filepath.Join(dir, "run")}, out: a.stdout, begun: time.Now(), vars: map[string]string{}}
	defer s.end()
	if err := s.tellAll(ctx, chapters); err != nil {
		s.showLogs()
		return err
	}
	fmt.Fprintf(a.stdout, "\nThe story holds, all %d steps, in %.0f s.\n", len(chapters), time.Since(s.begun).Seconds())
	return nil
}
