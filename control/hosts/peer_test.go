// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// as returns a client whose connections are those of the user: one thread takes
// his place, connects, and ends.
func as(uid int, socket string) *http.Client {
	type result struct {
		c   net.Conn
		err error
	}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		done := make(chan result)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
				done <- result{nil, errno}
				return
			}
			c, err := net.Dial("unix", socket)
			done <- result{c, err}
		}()
		r := <-done
		return r.c, r.err
	}}}
}

func TestWhoMayAskForWhat(t *testing.T) {
	needsRoot(t)
	const gateway, owner, stranger = 64802, 1000, 4000
	w := newWorld(t)
	w.GatewayUID, w.OwnerUID = gateway, owner
	socket := w.listen()
	for f, mode := range map[string]os.FileMode{socket: 0o777, filepath.Dir(socket): 0o755, filepath.Dir(filepath.Dir(socket)): 0o755} {
		if err := os.Chmod(f, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		uid        int
		path, body string
		allowed    bool
	}{
		"the gateway's user reports as gateway":          {gateway, "POST /v1/report", `{"host":"local","role":"gateway"}`, true},
		"the gateway's user does not report as agent":    {gateway, "POST /v1/report", `{"host":"local","role":"agent"}`, false},
		"the gateway's user does not follow as agent":    {gateway, "GET /v1/feed?host=local&role=agent", "", false},
		"nobody follows as another host":                 {0, "GET /v1/feed?host=other&role=agent", "", false},
		"nobody follows as nobody":                       {0, "GET /v1/feed", "", false},
		"the gateway's user asks for certificates":       {gateway, "POST /v1/certificate", `{"endpoint":"vpce-0"}`, true},
		"the gateway's user hands requests on":           {gateway, "POST /v1/forward", "{}\n", true},
		"the gateway's user does not read the first key": {gateway, "GET /v1/bootstrap", "", false},
		"the gateway's user does not read the status":    {gateway, "GET /v1/status", "", false},
		"root reports as agent":                          {0, "POST /v1/report", `{"host":"local","role":"agent"}`, true},
		"the gateway's user does not tell a console":     {gateway, "POST /v1/console", `{"host":"local"}`, false},
		"root tells a console":                           {0, "POST /v1/console", `{"host":"local","instance":"i-1"}`, true},
		"root tells no console of another host":          {0, "POST /v1/console", `{"host":"other","instance":"i-1"}`, false},
		"root reads the first key":                       {0, "GET /v1/bootstrap", "", true},
		"the owner reads the status":                     {owner, "GET /v1/status", "", true},
		"the owner invites hosts":                        {owner, "POST /v1/hosts", `{"name":"b"}`, true},
		"the gateway's user invites nobody":              {gateway, "POST /v1/hosts", `{"name":"b"}`, false},
		"a stranger does not list hosts":                 {stranger, "GET /v1/hosts", "", false},
		"the owner does not read the first key":          {owner, "GET /v1/bootstrap", "", false},
		"the owner does not follow":                      {owner, "GET /v1/feed?host=local&role=gateway", "", false},
		"a stranger does not follow":                     {stranger, "GET /v1/feed?host=local&role=agent", "", false},
		"a stranger does not report":                     {stranger, "POST /v1/report", `{"host":"local","role":"agent"}`, false},
		"a stranger does not hand requests on":           {stranger, "POST /v1/forward", "{}\n", false},
		"a stranger has nothing signed":                  {stranger, "POST /v1/certificate", "{}", false},
		"a stranger does not wait for readiness":         {stranger, "GET /v1/ready", "", false},
		"a stranger does not read the status":            {stranger, "GET /v1/status", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.path, " ")
			code, text := ask(t, as(c.uid, socket), method, path, []byte(c.body))
			// A tenant's request without a signature is refused in AWS's own words.
			refused := code == http.StatusForbidden && (strings.Contains(text, "may not") || strings.Contains(text, "not known"))
			if refused == c.allowed {
				t.Errorf("%d: %s", code, text)
			}
		})
	}
}
