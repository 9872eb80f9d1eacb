// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate"
)

func TestACertificateIsRenewed(t *testing.T) {
	needsRoot(t)
	w := newWorld(t)
	var ahead atomic.Int64 // of the clock
	w.Authority.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	local, remote := w.serve(), w.serveRemote()
	first := w.enter(remote(nil), "b", w.invite(local, "b"))
	renew := func(by *tls.Certificate) map[hoststate.Role]*tls.Certificate {
		t.Helper()
		key := newKey(t)
		code, text := ask(t, remote(by), http.MethodPost, "/v1/renew", asJSON(t, order.Renew{CSR: request(t, key, "x")}))
		var j order.Joined
		if err := json.Unmarshal([]byte(text), &j); code != http.StatusOK || err != nil {
			t.Fatalf("%d: %s", code, text)
		}
		return map[hoststate.Role]*tls.Certificate{hoststate.RoleAgent: pair(t, j.Agent, key), hoststate.RoleGateway: pair(t, j.Gateway, key)}
	}
	speaks := func(what string, certs map[hoststate.Role]*tls.Certificate, code int) {
		t.Helper()
		for role, c := range certs {
			if got, text := ask(t, remote(c), http.MethodPost, "/v1/report", asJSON(t, hoststate.Report{Host: "b", Role: role})); got != code {
				t.Errorf("%s, as %s: %d %s", what, role, got, text)
			}
		}
	}
	lost := renew(first[hoststate.RoleAgent])
	next := renew(first[hoststate.RoleAgent]) // the answer before was lost
	speaks("the key that is asked by", first, 204)
	speaks("the next one", next, 204)
	speaks("one whose answer was lost", lost, 403)
	t.Run("a connection by the key that goes is not kept", func(t *testing.T) {
		r, _ := http.NewRequest(http.MethodPost, "http://control/v1/renewed", nil)
		h := remote(first[hoststate.RoleAgent])
		h.Transport.(*http.Transport).DisableKeepAlives = false // then its end is control's wish
		defer h.CloseIdleConnections()
		resp, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if !resp.Close || resp.StatusCode != http.StatusNoContent {
			t.Errorf("%d, close %v", resp.StatusCode, resp.Close)
		}
		speaks("and does not end itself", first, 204)
	})
	if code, text := ask(t, remote(next[hoststate.RoleGateway]), http.MethodPost, "/v1/renewed", nil); code != 403 {
		t.Errorf("a gateway ends keys: %d %s", code, text)
	}
	if code, text := ask(t, remote(next[hoststate.RoleAgent]), http.MethodPost, "/v1/renewed", nil); code != 204 {
		t.Fatalf("%d %s", code, text)
	}
	speaks("the key before", first, 403)
	speaks("the new one", next, 204)
	t.Run("nobody has it signed for another", func(t *testing.T) {
		if code, text := ask(t, remote(next[hoststate.RoleGateway]), http.MethodPost, "/v1/renew", asJSON(t, order.Renew{CSR: request(t, newKey(t), "x")})); code != 403 {
			t.Errorf("a gateway: %d %s", code, text)
		}
		if code, text := ask(t, remote(nil), http.MethodPost, "/v1/renew", asJSON(t, order.Renew{CSR: request(t, newKey(t), "x")})); code != 403 {
			t.Errorf("nobody: %d %s", code, text)
		}
	})
	t.Run("what was not renewed ends", func(t *testing.T) {
		ahead.Store(int64(certificateLife - time.Minute))
		speaks("a minute before its end", next, 204)
		ahead.Store(int64(certificateLife + time.Minute))
		speaks("after its end", next, 403)
	})
}
