// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"

	"enishi.dev/enishi/hoststate"
)

// why answers what becomes of a connection: interface, to, protocol and port are
// the words of [hoststate.Question].
func (a *Agent) why(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	to, err := netip.ParseAddr(form.Get("to"))
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	port, err := strconv.ParseUint(form.Get("port"), 10, 16)
	if err != nil {
		http.Error(w, "port: "+err.Error(), http.StatusBadRequest)
		return
	}
	o, err := a.dp.Ask(hoststate.Question{Interface: form.Get("interface"), To: to.Unmap(), Protocol: form.Get("protocol"), Port: uint16(port)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}
