// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentIsMadeFromNothing(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
	t.Setenv("HTTPS_PROXY", "http://proxy")
	s := Spec{Region: "eu-west-1"}
	for _, c := range []struct {
		name  string
		given []string
		want  map[string]string // beside the instance's own
	}{
		{"nothing given", nil, nil},
		{"what the caller gives wins", []string{"PATH=/opt/bin", "AWS_REGION=us-east-1", "A=b=c", "EMPTY="}, map[string]string{"PATH": "/opt/bin", "AWS_REGION": "us-east-1", "A": "b=c", "EMPTY": ""}},
		{"what is no variable is left out", []string{"novalue", "=x"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := map[string]string{
				"PATH": defaultPath, "HOME": "/", "TERM": "dumb", "LANG": "C.UTF-8",
				"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
				"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
				"AWS_CA_BUNDLE": "/run/ca-bundle.pem", "SSL_CERT_FILE": "/run/ca-bundle.pem", "REQUESTS_CA_BUNDLE": "/run/ca-bundle.pem", "NODE_EXTRA_CA_CERTS": "/run/ca-bundle.pem",
			}
			for k, v := range c.want {
				want[k] = v
			}
			got := map[string]string{}
			for _, kv := range s.environ(c.given) {
				for i := range kv {
					if kv[i] == '=' {
						got[kv[:i]] = kv[i+1:]
						break
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"run": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, want string }{
		{"run", filepath.Join(dir, "run")},
		{"text", ""},
		{"none", ""},
		{"./none", "./none"},
		{"/bin/none", "/bin/none"},
	} {
		got, err := lookPath(c.name, []string{"HOME=/", "PATH=/no/such:" + dir})
		if got != c.want || (err != nil) != (c.want == "") || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestResolverFile(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		want string
	}{
		{"a network without a resolver", Spec{}, ""},
		{"resolvers in order, and the search domain", Spec{Domain: "ec2.internal", Resolver: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00:ec2::253")}}, "nameserver 10.0.0.2\nnameserver fd00:ec2::253\nsearch ec2.internal\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.spec.write(dir); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, resolvFile))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, string(got)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
