// SPDX-License-Identifier: Apache-2.0

// Package body reads what hosts and operators send to control. It does not know who
// sends it, nor what it means.
package body

import (
	"encoding/json"
	"net/http"
)

// Short is the limit of what a person orders.
const Short = 4096

// Read reads the request's JSON, of at most limit bytes, into v. If it is none, it
// answers so in one line and returns false.
func Read(w http.ResponseWriter, r *http.Request, limit int64, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(v); err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
