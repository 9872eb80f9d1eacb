// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"fmt"

	"enishi.dev/enishi/control/api"
	"github.com/rogpeppe/go-internal/testscript"
)

// pages follows the tokens to the end, and fails if an item came twice.
func (w *World) pages(ts *testscript.TestScript, service api.Service, args []string) {
	form := w.form(service, args)
	seen := map[string]bool{}
	for page := 1; page < 100; page++ {
		body, ok := w.serve(service, form)
		if !ok {
			ts.Fatalf("page %d: %s", page, errorText(body))
		}
		n, token := items(body)
		fmt.Fprintf(ts.Stdout(), "page %d: %d\n", page, n)
		for _, e := range parse(body).children {
			for _, item := range e.children {
				said := fmt.Sprint(flat(item))
				if item.name == "item" && seen[e.name+said] {
					ts.Fatalf("page %d: again: %s", page, w.names.hide(said))
				}
				seen[e.name+said] = true
			}
		}
		if token == "" {
			return
		}
		form.Set("NextToken", token)
	}
	ts.Fatalf("the pages never end")
}

// flat is all the text of an element.
func flat(e *element) []string {
	out := []string{e.name + "=" + e.text}
	for _, c := range e.children {
		out = append(out, flat(c)...)
	}
	return out
}
