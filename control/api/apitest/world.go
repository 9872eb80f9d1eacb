// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
	"github.com/rogpeppe/go-internal/testscript"
)

// World is what one script sees.
type World struct {
	bench    *bench
	keys     map[string]iam.AccessKey // by the name of the caller
	prepared map[string]bool
	caller   string
	region   string
	names    *names
	last     string // error of the last call
}

// Store is the store that all scripts share.
func (w *World) Store() *store.Store { return w.bench.store }

// Account is the account that calls.
func (w *World) Account() string { return w.keys[w.caller].Account }

// Region is the region that is called.
func (w *World) Region() string { return w.region }

// Real is the real id of one that a script names.
func (w *World) Real(name string) string { return w.names.real(name) }

// Named is text with every id as scripts name it.
func (w *World) Named(text string) string { return w.names.hide(text) }

func (w *World) as(ts *testscript.TestScript, _ bool, args []string) { ts.Check(w.become(args[0])) }

func (w *World) in(ts *testscript.TestScript, _ bool, args []string) {
	w.region = args[0]
	ts.Check(w.become(w.caller))
}

func (w *World) become(name string) error {
	w.caller = name
	if _, ok := w.keys[name]; !ok {
		k, err := w.bench.newAccount()
		if err != nil {
			return err
		}
		w.keys[name] = k
		w.names.account(name, k.Account)
	}
	if at := name + " " + w.region; w.bench.o.Prepare != nil && !w.prepared[at] {
		w.prepared[at] = true
		return w.bench.o.Prepare(context.Background(), w.bench.store, w.Account(), w.region)
	}
	return nil
}

// signAs has calls signed with a key that is not the caller's.
func (w *World) signAs(k iam.AccessKey) {
	w.caller = "nobody"
	w.keys[w.caller] = k
}

// wantError compares the whole text of the last error.
func (w *World) wantError(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: error 'Code: Message'")
	}
	if w.last != args[0] {
		ts.Fatalf("error of the last call:\n-want %s\n+got  %s", args[0], w.last)
	}
}

// call is the command of a service.
func (w *World) call(ts *testscript.TestScript, neg bool, service api.Service, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: %s ACTION Name=value…", service.Name)
	}
	body, ok := w.serve(service, w.form(service, args))
	if ok {
		w.last = ""
		fmt.Fprint(ts.Stdout(), w.names.hide(pretty(body, w.names)))
	} else {
		w.last = w.names.hide(errorText(body))
		fmt.Fprintln(ts.Stderr(), w.last)
	}
	switch {
	case ok && neg:
		ts.Fatalf("%s succeeded, and should not", args[0])
	case !ok && !neg:
		ts.Fatalf("%s: %s", args[0], w.last)
	}
}

// form is the request of a script's arguments.
func (w *World) form(service api.Service, args []string) url.Values {
	form := url.Values{"Action": {args[0]}, "Version": {service.Version}}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		form.Set(name, w.names.show(value))
	}
	return form
}

// serve sends a signed request the way a gateway does.
func (w *World) serve(service api.Service, form url.Values) (body []byte, ok bool) {
	f, sent := w.Request(service.Name, form)
	status, _, body := w.bench.server.ServeForwarded(context.Background(), f, sent)
	return body, status == http.StatusOK
}

// Request is a signed request as a gateway hands it on.
func (w *World) Request(service string, form url.Values) (hoststate.Forwarded, []byte) {
	body := []byte(form.Encode())
	host := service + "." + w.region + ".amazonaws.com"
	header := sign(w.keys[w.caller], service, w.region, host, body)
	return hoststate.Forwarded{
		Method: http.MethodPost, URI: "/", Host: host, Header: header,
		Facts: hoststate.Facts{RequestID: "4e1f7b0c-5a63-4f0e-9d3c-6f2a8f3b1c00", Source: netip.MustParseAddr("127.0.0.1"), TLS: true},
	}, body
}

// errorText is an answer of either sort of error document as "Code: Message".
func errorText(body []byte) string {
	var doc struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
		Query   struct {
			Code    string
			Message string
		} `xml:"Error"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		return "not an error document: " + string(body)
	}
	if doc.Code == "" {
		doc.Code, doc.Message = doc.Query.Code, doc.Query.Message
	}
	return doc.Code + ": " + doc.Message
}
