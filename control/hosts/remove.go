// SPDX-License-Identifier: Apache-2.0

package hosts

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"enishi.dev/enishi/control/body"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// refusal is what is wrong with an operator's order, in one line.
type refusal string

func (r refusal) Error() string { return string(r) }

var errNotKnown = errors.New("the host is not known by this key any more")

// removeHost ends a host: from now on nothing that speaks for it is heard. It waits
// for no word of the machine, which may be lost.
func (s *Server) removeHost(w http.ResponseWriter, r *http.Request) {
	var o order.Remove
	if !body.Read(w, r, body.Short, &o) {
		return
	}
	name := r.PathValue("name")
	var err error
	ended := map[string]bool{}
	for more := true; more && err == nil; {
		err = s.Store.Decide(r.Context(), func(tx *store.Tx) (err error) {
			more, err = s.remove(tx, name, o.Force, ended)
			return err
		})
	}
	var wrong refusal
	switch {
	case errors.As(err, &wrong):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.mu.Lock()
	s.end(name)
	s.mu.Unlock()
	s.Log.Info("host removed", "host", name, "instances", len(ended))
	answer(w, order.Removed{Terminated: append([]string{}, slices.Sorted(maps.Keys(ended))...)})
}

// together is how many instances end in one decision: each may be a large row, and
// a store takes only so much.
const together = 32

// remove deletes the host's row; with force, its instances are wanted gone, and are
// in ended then. If they are many, there is more to do, and the row goes last: who
// is interrupted can give the order again.
func (s *Server) remove(tx *store.Tx, name string, force bool, ended map[string]bool) (more bool, err error) {
	if name == s.LocalHost {
		return false, refusal(fmt.Sprintf("host %q is where control runs", name))
	}
	if _, ok := tx.Hosts.Get(name); !ok {
		return false, refusal(fmt.Sprintf("there is no host %q: see `enishi host list`", name))
	}
	var have []string
	for i := range tx.Instances.By("host", name) {
		if i.Status.Gone.IsZero() {
			have = append(have, string(i.ID))
		}
	}
	slices.Sort(have)
	if len(have) > 0 && !force {
		return false, refusal(fmt.Sprintf("host %q has instances: %s: terminate them, or give --force if it is lost", name, some(have)))
	}
	n := 0
	for _, id := range have {
		ended[id] = true
		i, _ := tx.Instances.Get(id)
		if i.PowerWanted == vpc.PowerTerminated {
			continue
		}
		if n++; n > together {
			return true, nil
		}
		tx.Instances.Put(i.Lost())
	}
	tx.Hosts.Delete(name)
	return false, nil
}

// some names the first of many.
func some(ids []string) string {
	const enough = 5
	if len(ids) <= enough {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:enough], ", "), len(ids)-enough)
}

// end forgets what a host said, and ends its streams. The lock is held.
func (s *Server) end(name string) {
	if h := s.hosts[name]; h != nil {
		for st := range h.streams {
			close(st.ended)
		}
		delete(s.hosts, name)
		s.judge()
	}
}
