// SPDX-License-Identifier: Apache-2.0

package sts_test

import (
	"flag"
	"testing"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/control/api/sts"
	"enishi.dev/enishi/store"
)

var update = flag.Bool("update", false, "write what comes into the scripts")

func TestScripts(t *testing.T) {
	apitest.Run(t, apitest.Options{
		Dir: "testdata", Update: *update,
		Services: func(*store.Store) []api.Service { return []api.Service{sts.Service()} },
	})
}
