// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"encoding/json"
	"errors"
	"net/http"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/store"
)

// Handler answers the operator:
//
//	GET  /v1/accounts       a list of iam.Account
//	POST /v1/accounts       Order → iam.Account
//	GET  /v1/accounts/{who} Credentials of an account by id or name
//
// What is wrong with the request is 400 and one line; whoever can reach the
// handler is the operator.
func Handler(s *store.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/accounts", func(w http.ResponseWriter, _ *http.Request) { answer(w, List(s.View()), nil) })
	mux.HandleFunc("POST /v1/accounts", func(w http.ResponseWriter, r *http.Request) {
		var o order.Account
		if !body.Read(w, r, body.Short, &o) {
			return
		}
		a, err := Create(r.Context(), s, o.ID, o.Name)
		answer(w, a, err)
	})
	mux.HandleFunc("GET /v1/accounts/{who}", func(w http.ResponseWriter, r *http.Request) {
		a, key, err := Find(s.View(), r.PathValue("who"))
		answer(w, order.Credentials{Account: a, AccessKey: key.ID, SecretKey: key.Secret}, err)
	})
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	var wrong Error
	switch {
	case errors.As(err, &wrong):
		http.Error(w, wrong.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v) // an operator who has gone needs no answer
	}
}
