// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestActions(t *testing.T) {
	actions := new(Server).actions()
	t.Run("every action has a script", func(t *testing.T) {
		for name := range actions {
			if _, err := os.Stat(filepath.Join("testdata", name+".txtar")); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("IAM knows every action", func(t *testing.T) {
		for name, a := range actions {
			if !strings.HasPrefix(a.IAM, "ec2:") {
				t.Errorf("%s: IAM action %q", name, a.IAM)
			}
		}
	})
}
