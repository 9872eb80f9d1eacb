// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"

	"enishi.dev/enishi/cmd/parts"
)

// manualPages are all of them, as TestTheManualIsWhatHelpSays makes them from the
// commands; what makes them is no part of every process that way.
//
//go:embed zz_man.txtar
var manualPages []byte

// manualVersion stands for the program's version in them.
const manualVersion = "VERSION"

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write the manual pages",
		Long:    "Writes a manual page for each command into DIRECTORY, from what --help says.",
		Example: "  sudo enishi man /usr/local/share/man/man1",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(_ *cobra.Command, args []string) error { return wrap("man", writeManual(args[0])) },
	}
}

func writeManual(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, page := range txtar.Parse(manualPages).Files {
		text := strings.Replace(string(page.Data), manualVersion, parts.Version(), 1) // in its title
		if err := os.WriteFile(filepath.Join(dir, page.Name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	return nil
}
