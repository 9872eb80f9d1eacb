// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/aws/wire/elbv2"
	"enishi.dev/enishi/aws/wire/sts"
)

// TestEveryRecordedRequestDecodes reads the requests that the SDK's authors
// recorded, one per action with every member set: nothing may be left over, and
// what was decoded must encode to the same form again.
func TestEveryRecordedRequestDecodes(t *testing.T) {
	for service, s := range map[string]struct {
		protocol wire.Protocol
		actions  map[string]struct{ In, Out func() any }
	}{
		"ec2":                    {wire.EC2, ec2.Actions},
		"elasticloadbalancingv2": {wire.ELBv2, elbv2.Actions},
		"sts":                    {wire.STS, sts.Actions},
	} {
		dir := sdkDir(t, service)
		for action, shapes := range s.actions {
			t.Run(service+" "+action, func(t *testing.T) {
				snap, err := os.ReadFile(filepath.Join(dir, "request_snapshot", action+".request.snap"))
				if err != nil {
					t.Fatal(err)
				}
				lines := strings.Split(strings.TrimSpace(string(snap)), "\n")
				form, err := url.ParseQuery(lines[len(lines)-1])
				if err != nil {
					t.Fatal(err)
				}
				version := form.Get("Version")
				want := url.Values{}
				for k, v := range form {
					want[k] = v
				}
				form.Del("Action")
				form.Del("Version")
				in := shapes.In()
				if err := wire.DecodeForm(s.protocol, form, in); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, wire.EncodeForm(s.protocol, action, version, in)); diff != "" {
					t.Errorf("encoded again (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestNoActionOfElasticLoadBalancingIsUnheardOf holds the names that the API has
// here, with shapes and without, against the SDK's.
func TestNoActionOfElasticLoadBalancingIsUnheardOf(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sdkDir(t, "elasticloadbalancingv2"), "api_op_*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range files {
		want = append(want, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "api_op_"), ".go"))
	}
	got := slices.Sorted(slices.Values(slices.AppendSeq(elbv2.Others(), maps.Keys(elbv2.Actions))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// sdkDir is where the module cache has the SDK's source for a service.
func sdkDir(t *testing.T, service string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service)
	cmd.Dir = "sdktest"
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("needs the SDK's source in the module cache: go -C aws/wire/sdktest mod download")
	}
	return dir
}
