// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func (a *app) awsCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "aws ARGS...",
		Short:              "The aws CLI against this enishi, whatever its version",
		Long:               "Runs the aws CLI with the endpoint, credentials and CA of this enishi. CLIs older than\n2.13 or 1.29 do not know AWS_ENDPOINT_URL; this gives them --endpoint-url.",
		Example:            "  enishi aws ec2 describe-availability-zones",
		DisableFlagParsing: true, // everything is aws's
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			c, err := a.readClient()
			if err != nil {
				return fmt.Errorf("aws: %w", err)
			}
			aws, err := exec.LookPath("aws")
			if err != nil {
				return errors.New("aws: the aws CLI is not on PATH: install it, on Debian with `apt-get install awscli`")
			}
			argv := append([]string{"aws", "--endpoint-url", c.Endpoint}, args...)
			return fmt.Errorf("aws: %w", unix.Exec(aws, argv, c.environ(a.environ)))
		},
	}
}
