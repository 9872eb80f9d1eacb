// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// completions are how each shell takes in what `enishi completion` prints.
var completions = map[string]string{
	"bash":       "source <(enishi completion bash)",
	"zsh":        "source <(enishi completion zsh)",
	"fish":       "enishi completion fish | source",
	"powershell": "enishi completion powershell | Out-String | Invoke-Expression",
}

// completionCommand adds cobra's own command for completion, with an example for each
// shell. One that is not known is an error: else it would be given the help to run.
func completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // there is none
	}
	cmd.Example = "  " + completions["bash"]
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("completion: %s is no shell that is known", args[0])}
		}
		return cmd.Help()
	}
	for _, shell := range cmd.Commands() {
		shell.Example = "  " + completions[shell.Name()]
	}
}
