// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	shapes "enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/store"
)

var update = flag.Bool("update", false, "write what comes into the scripts")

func TestScripts(t *testing.T) {
	apitest.Run(t, apitest.Options{
		Dir: "testdata", Update: *update,
		Services: func(*store.Store) []api.Service { return []api.Service{Service(), Classic()} },
	})
}

func TestActions(t *testing.T) {
	for name := range shapes.Actions {
		if a := actions()[name]; !strings.HasPrefix(a.IAM, "elasticloadbalancing:") {
			t.Errorf("%s: IAM action %q", name, a.IAM)
		}
		if _, err := os.Stat(filepath.Join("testdata", name+".txtar")); err != nil {
			t.Error(err)
		}
	}
}

func TestMarkersLeadThroughAllLimits(t *testing.T) {
	c := &api.Call{Caller: api.Caller{Account: "1"}, Region: "r", Service: "elasticloadbalancing", Action: "DescribeAccountLimits"}
	in := &shapes.DescribeAccountLimitsInput{PageSize: new(int32(7))}
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		out, err := describeAccountLimits(t.Context(), c, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range out.Limits {
			if seen[*l.Name] {
				t.Errorf("%s comes again", *l.Name)
			}
			seen[*l.Name] = true
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			if pages != 4 || len(seen) != len(limits) {
				t.Errorf("%d pages with %d limits, want 4 with %d", pages, len(seen), len(limits))
			}
			return
		}
	}
}
