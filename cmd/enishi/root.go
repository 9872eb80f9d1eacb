// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"enishi.dev/enishi/cmd/parts"
)

const defaultRunDir = "/run/enishi"

// app is what every command shares.
type app struct {
	world
	runDir string
}

func (w world) getenv(name string) string {
	for _, kv := range w.environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// newRoot returns the command tree. The set of commands is this list.
func newRoot(w world) *cobra.Command {
	a := &app{world: w}
	root := &cobra.Command{
		Use:   "enishi",
		Short: "VPC endpoints you can actually send packets through",
		Long: "Enishi is AWS PrivateLink that you run yourself: VPC endpoints you can actually send\n" +
			"packets through, with the aws CLI, SDKs and Terraform you already use.",
		Example: "  sudo enishi up --ephemeral &\n  eval \"$(enishi env)\"\n  aws ec2 create-vpc --cidr-block 10.0.0.0/16",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for \"enishi\"", args[0])}
			}
			return nil
		},
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:    true,
		SilenceUsage:     true,
		TraverseChildren: true, // so that `enishi --run-dir D aws …` keeps --run-dir for itself
		Version:          parts.Version(),
	}
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	def := w.getenv("ENISHI_RUN_DIR")
	if def == "" {
		def = defaultRunDir
	}
	root.PersistentFlags().StringVar(&a.runDir, "run-dir", def, "where a running enishi keeps its sockets, pins and client.json (ENISHI_RUN_DIR)")
	root.AddCommand(
		a.upCommand(), a.envCommand(), a.awsCommand(), a.runCommand(), a.execCommand(),
		a.statusCommand(), a.whyCommand(), a.accountCommand(), a.hostCommand(), a.demoCommand(), a.manCommand(),
		a.agentCommand(), a.gatewayCommand(), a.servicesCommand(),
	)
	completionCommand(root)
	return root
}

// usageArgs makes a wrong number of arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		path := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		if _, wanted, ok := strings.Cut(cmd.Use, " "); ok {
			return usageError{fmt.Errorf("%s: want %s", path, wanted)}
		}
		return usageError{fmt.Errorf("%s: %q is too much", path, args)}
	}
}
