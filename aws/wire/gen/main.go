// SPDX-License-Identifier: Apache-2.0

// Command gen writes the wire types of an AWS service by reading the official
// SDK's own source: members and types from api_op_*.go and types/*.go, names in
// requests from serializers.go, names in answers from deserializers.go. Nothing
// of the SDK is compiled.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes OUT for the actions listed in ACTIONS: gen SERVICE MODDIR ACTIONS OUT,
// where the module in MODDIR pins the SDK.
func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: gen SERVICE MODDIR ACTIONS OUT")
	}
	service, modDir, list, out := args[0], args[1], args[2], args[3]
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/aws/aws-sdk-go-v2/service/"+service)
	cmd.Dir = modDir
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("download the pinned SDK: %w", err)
	}
	cmd = exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service)
	cmd.Dir = modDir
	dir, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find the pinned SDK: %w", err)
	}
	s, err := readSDK(strings.TrimSpace(string(dir)))
	if err != nil {
		return err
	}
	actions, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	src, err := s.write(filepath.Base(filepath.Dir(out)), strings.Fields(string(actions)))
	if err != nil {
		return err
	}
	return os.WriteFile(out, src, 0o644)
}
