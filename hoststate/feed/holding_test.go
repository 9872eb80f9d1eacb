// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi.dev/enishi/hoststate"
)

// TestBatchesLeadToTheNewestThatWasUnderstood follows random deltas, some with
// units of a later version, and holds what batches lead to against a plain model.
func TestBatchesLeadToTheNewestThatWasUnderstood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &holding{units: map[hoststate.Key]hoststate.Unit{}}
		want, got := map[hoststate.Key]hoststate.Unit{}, map[hoststate.Key]hoststate.Unit{}
		for n := range rapid.Int64Range(1, 20).Draw(t, "deltas") {
			d := hoststate.Delta{Position: hoststate.Position{Revision: n}, Full: rapid.IntRange(0, 3).Draw(t, "full") == 0}
			before := want
			want = map[hoststate.Key]hoststate.Unit{}
			if !d.Full {
				for k, u := range before {
					want[k] = u
				}
			}
			for _, id := range []string{"a", "b", "c"} {
				u := &hoststate.Endpoint{ID: id, Generation: n}
				switch rapid.SampledFrom([]string{"same", "set", "gone", "foreign"}).Draw(t, id) {
				case "set":
					d.Set = append(d.Set, hoststate.Seal(u))
					want[u.Key()] = u
				case "gone":
					d.Gone = append(d.Gone, u.Key())
					delete(want, u.Key())
				case "foreign":
					d.Set = append(d.Set, foreign(id))
					if have := before[u.Key()]; have != nil {
						want[u.Key()] = have
					}
				}
			}
			b, _ := h.open(d)
			if b.Full {
				clear(got)
			}
			for _, k := range b.Gone {
				delete(got, k)
			}
			for _, u := range b.Set {
				got[u.Key()] = u
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("after %+v (-want +got):\n%s", d, diff)
			}
		}
	})
}

// foreign is an endpoint as a later version of control would say it.
func foreign(id string) hoststate.Envelope {
	e := hoststate.Seal(&hoststate.Endpoint{ID: id})
	e.Unit = bytes.Replace(e.Unit, []byte(`"id"`), []byte(`"colour":"red","id"`), 1)
	return e
}

// said answers every request with the same body.
type said []byte

func (s said) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(s))}, nil
}

// FuzzStream reads whatever a control may say: nothing is handed on that is not
// what it says it is, and the position is that of the last batch.
func FuzzStream(f *testing.F) {
	for _, d := range []hoststate.Delta{
		{Full: true, Set: []hoststate.Envelope{hoststate.Seal(&hoststate.Network{ID: "vpc-1", VNI: 256}), hoststate.Seal(&hoststate.Instance{ID: "i-1"})}},
		{Position: hoststate.Position{Incarnation: "life", Revision: 2}, Gone: []hoststate.Key{{Kind: hoststate.KindNetwork, ID: "vpc-1"}}},
		{Full: true, Set: []hoststate.Envelope{foreign("vpce-1"), {Key: hoststate.Key{Kind: "colour", ID: "red"}, Unit: []byte("{}")}}},
	} {
		b, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte("\n\n"), b...))
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte(`{"set":[{"key":{"kind":"interface","id":"eni-1"},"unit":{"id":"eni-1","mac":"02","addresses":["10.0.0.1"]}}]}`))
	f.Add([]byte(`{"set":[{"key":{"kind":"endpoint","id":"a"},"unit":{"id":"b"}},{"key":{"kind":"endpoint","id":"a"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &Client{HTTP: &http.Client{Transport: said(body)}, Host: "h", Role: hoststate.RoleAgent, Log: slog.New(slog.DiscardHandler)}
		held := &holding{units: map[hoststate.Key]hoststate.Unit{}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var last hoststate.Position
		n, err := c.stream(ctx, held, func(_ context.Context, b Batch) error {
			last = b.Position
			for _, u := range b.Set {
				if e := hoststate.Seal(u); e.Key != u.Key() {
					t.Errorf("%s was handed on as %s", e.Key, u.Key())
				}
			}
			return nil
		})
		if err == nil {
			t.Error("a stream ends without an error")
		}
		if n > 0 && held.position != last {
			t.Errorf("it is at %v after a batch of %v", held.position, last)
		}
	})
}
