// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write the manual pages",
		Long:    "Writes a manual page for each command into DIRECTORY, from what --help says.",
		Example: "  sudo enishi man /usr/local/share/man/man1",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			root := cmd.Root()
			// The same program, the same pages.
			root.DisableAutoGenTag = true
			root.PersistentFlags().Lookup("run-dir").DefValue = defaultRunDir
			header := &doc.GenManHeader{Section: "1", Source: "enishi " + root.Version, Manual: "Enishi"}
			return wrap("man", doc.GenManTree(root, header, args[0]))
		},
	}
}
