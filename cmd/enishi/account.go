// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/iam"
)

const accountsPath = "/v1/accounts"

func (a *app) accountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "account", Short: "Accounts: what one has is invisible to the others",
		Example: "  enishi account create producer\n  eval \"$(enishi account env producer)\"",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.accountCreate(), a.accountList(), a.accountEnv())
	return cmd
}

func (a *app) accountCreate() *cobra.Command {
	var id, output string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an account, and print its id",
		Example: "  enishi account create producer --id 111122223333",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var made iam.Account
			if err := a.operate(cmd.Context(), accountsPath, order.Account{ID: id, Name: args[0]}, &made); err != nil {
				return wrap("account create", err)
			}
			if output == "json" {
				return json.NewEncoder(a.stdout).Encode(made)
			}
			fmt.Fprintln(a.stdout, made.ID)
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "twelve digits; chosen if none are given")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (a *app) accountList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "The accounts there are",
		Example: "  enishi account list --output json",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []iam.Account
			if err := a.operate(cmd.Context(), accountsPath, nil, &list); err != nil {
				return wrap("account list", err)
			}
			if output == "json" {
				return json.NewEncoder(a.stdout).Encode(list)
			}
			section(a.stdout, "accounts", []string{"id", "name", "created"}, func(add func(...any)) {
				for _, acc := range list {
					add(acc.ID, acc.Name, acc.Created.Local().Format(time.DateTime))
				}
			})
			return nil
		},
	}
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func (a *app) accountEnv() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "env NAME|ID", Short: "Print what a shell needs to use enishi as an account's root",
		Example: "  eval \"$(enishi account env producer)\"\n  aws sts get-caller-identity",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.awaitClient(cmd.Context())
			if err != nil {
				return fmt.Errorf("account env: %w", err)
			}
			var who order.Credentials
			if err := a.operate(cmd.Context(), accountsPath+"/"+url.PathEscape(args[0]), nil, &who); err != nil {
				return wrap("account env", err)
			}
			c.Account, c.AccessKey, c.SecretKey = who.ID, who.AccessKey, who.SecretKey
			return c.printEnv(a.stdout, output)
		},
	}
	outputFlag(cmd, &output, "shell", "json")
	cmd.ValidArgsFunction = first(a.completeAccounts())
	return cmd
}

// operate asks control as the operator: with an order it posts, else it gets.
func (a *app) operate(ctx context.Context, path string, order, out any) error {
	if !running(a.runDir) {
		return a.notRunning()
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if order == nil {
		return getJSON(ctx, a.path(controlSocket), path, out)
	}
	return postJSON(ctx, a.path(controlSocket), path, order, out)
}
