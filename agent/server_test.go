// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/instance"
)

func TestWhoMayAsk(t *testing.T) {
	h := newHost(t)
	i1, e1 := testInstance("i-1", "vpc-a", 101, 1, "10.0.1.10")
	h.want(append(testNetwork("vpc-a", 101), i1, e1))
	h.untilInstance("i-1", hoststate.InstanceRunning)
	ask := func(uid int) (code int, err error) {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (c net.Conn, err error) {
			asUser(uid, func() { c, err = net.Dial("unix", h.path("agent.sock")) })
			return c, err
		}}}
		r, err := c.Get("http://agent/v1/status")
		if err != nil {
			return 0, err
		}
		defer r.Body.Close()
		return r.StatusCode, nil
	}
	for _, c := range []struct {
		who  string
		uid  int
		want int
	}{{"root", 0, 200}, {"the owner", ownerUID, 200}, {"another user", ownerUID + 1, 403}} {
		t.Run(c.who, func(t *testing.T) {
			if code, err := ask(c.uid); err != nil || code != c.want {
				t.Errorf("got %d, %v, want %d", code, err, c.want)
			}
		})
	}
	t.Run("an instance that is not there is named", func(t *testing.T) {
		_, err := instance.Exec(t.Context(), h.path("agent.sock"), instance.Request{Instance: "i-none", Argv: []string{"true"}}, instance.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		if err == nil || err.Error() != "no instance \"i-none\" runs on this host: see `enishi status`" {
			t.Errorf("got %v", err)
		}
	})
}

func TestThePeerIsKnownWithItsGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: becomes another user")
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for dir := path; dir != "/tmp"; dir = filepath.Dir(dir) { // for the other user
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	groups := make([]uint32, 100) // more than are asked for at first
	want := instance.Identity{UID: ownerUID, GID: ownerUID + 1}
	for i := range groups {
		groups[i] = uint32(5000 + i)
		want.Groups = append(want.Groups, 5000+i)
	}
	var c net.Conn
	asUser(ownerUID, func() { c, err = net.Dial("unix", path) }, groups...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	got, err := identityOf(accepted.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestCheck(t *testing.T) {
	err := Check()
	if os.Geteuid() == 0 && err != nil {
		t.Errorf("got %v on a machine on which all other tests run", err)
	}
	if os.Geteuid() != 0 && (err == nil || !strings.Contains(err.Error(), "sudo")) {
		t.Errorf("got %v", err)
	}
}
