// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/vpc"
)

func TestClientToken(t *testing.T) {
	type request struct{ CIDR string }
	for _, c := range []struct {
		name                string
		token, scope        string
		request             request
		after               time.Duration
		wantNew             bool
		wantErr             string
		reopened, firstFail bool
	}{
		{name: "the same token and request give the first id", token: "t", scope: "a", request: request{"10"}},
		{name: "they do after a restart", token: "t", scope: "a", request: request{"10"}, reopened: true},
		{name: "they do for 24 hours", token: "t", scope: "a", request: request{"10"}, after: 24*time.Hour - time.Millisecond},
		{name: "then the token is new", token: "t", scope: "a", request: request{"11"}, after: 24 * time.Hour, wantNew: true},
		{name: "another request is refused", token: "t", scope: "a", request: request{"11"}, wantErr: "IdempotentParameterMismatch"},
		{name: "another scope is another token", token: "t", scope: "b", request: request{"11"}, wantNew: true},
		{name: "another token is another request", token: "u", scope: "a", request: request{"10"}, wantNew: true},
		{name: "no token, no memory", token: "", scope: "a", request: request{"10"}, wantNew: true},
		{name: "scope and token do not run together", token: "\x00t", scope: "a"[:0], request: request{"10"}, wantNew: true},
		{name: "what was refused is not remembered", token: "t", scope: "a", request: request{"11"}, firstFail: true, wantNew: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
			o := fresh()
			o.Now = func() time.Time { return now }
			s := mustOpen(t, o)
			stop := run(t, s)
			once := func(token, scope string, r request, fail bool) (id string, err error) {
				err = s.Decide(t.Context(), func(tx *Tx) error {
					id, err = tx.Once(token, scope, r, func() (string, error) {
						id := tx.NewID("vpc")
						tx.VPCs.Put(vpc.VPC{ID: vpc.VPCID(id)})
						if fail {
							return "", errRefused
						}
						return id, nil
					})
					return err
				})
				return id, err
			}
			first, err := once("t", "a", request{"10"}, c.firstFail)
			if (err != nil) != c.firstFail {
				t.Fatal(err)
			}
			if c.reopened {
				_ = stop()
				s = mustOpen(t, o)
				run(t, s)
			}
			now = now.Add(c.after)
			second, err := once(c.token, c.scope, c.request, false)
			if e, ok := errors.AsType[*awserr.Error](err); ok && e.Code == c.wantErr {
				return
			}
			if err != nil || c.wantErr != "" {
				t.Fatalf("error %v, want %q", err, c.wantErr)
			}
			if isNew := second != first; isNew != c.wantNew {
				t.Errorf("first %s, second %s", first, second)
			}
		})
	}
}

func TestOldTokensAreForgotten(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	o := fresh()
	o.Now = func() time.Time { return now }
	s := mustOpen(t, o)
	run(t, s)
	for i := range 100 {
		now = now.Add(time.Hour)
		decide(t, s, func(tx *Tx) {
			_, err := tx.Once(fmt.Sprint(i), "scope", i, func() (string, error) { return "id", nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	if n := s.View().tokens.Len(); n != 24 {
		t.Errorf("%d tokens are kept, want those of 24 hours", n)
	}
}

func TestNumbersAreNeverUsedAgain(t *testing.T) {
	s := open(t)
	var got []uint32
	take := func(counter string, err error) {
		t.Helper()
		var n uint32
		if e := s.Decide(t.Context(), func(tx *Tx) error { n = tx.Number(counter); return err }); e != err {
			t.Fatal(e)
		}
		got = append(got, n)
	}
	take("vni", nil)
	take("vni", nil)
	take("eni", nil)
	take("vni", errRefused) // not given out: what it was for was not made
	take("vni", nil)
	if fmt.Sprint(got) != "[1 2 1 3 3]" {
		t.Errorf("got %v", got)
	}
	v := reopen(t, s)
	if n, _ := v.numbers.Get("vni"); n.Last != 3 {
		t.Errorf("after a restart the last was %d", n.Last)
	}
}

func TestIDsAreAsAWSMakesThem(t *testing.T) {
	decide(t, open(t), func(tx *Tx) {
		seen := map[string]bool{}
		for range 100 {
			id := tx.NewID("vpce")
			if len(id) != len("vpce-")+17 || seen[id] {
				t.Errorf("id %q", id)
			}
			seen[id] = true
		}
	})
}
