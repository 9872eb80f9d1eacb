// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
)

func TestPlacer(t *testing.T) {
	s := apitest.OpenStore(t)
	err := s.Decide(t.Context(), func(tx *store.Tx) error {
		tx.Instances.Put(vpc.Instance{ID: "i-1", Host: "a"})
		gone := vpc.Instance{ID: "i-2", Host: "b", Status: vpc.InstanceStatus{Gone: time.Now()}}
		tx.Instances.Put(gone)
		tx.Instances.PutStatus(gone)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("each new instance goes to the host that has the fewest by then", func(t *testing.T) {
		place := New(Options{Store: s, Hosts: func() []string { return []string{"a", "b", "c"} }}).placer(s.View())
		var got []string
		for range 5 {
			h, ok := place()
			if !ok {
				t.Fatal("there is no host")
			}
			got = append(got, h)
		}
		if diff := cmp.Diff([]string{"b", "c", "a", "b", "c"}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("without hosts there is no place", func(t *testing.T) {
		for _, hosts := range []func() []string{nil, func() []string { return nil }} {
			if h, ok := New(Options{Store: s, Hosts: hosts}).placer(s.View())(); ok {
				t.Errorf("got %q", h)
			}
		}
	})
}

func TestACallThatIsTooMuchAtOnceIsToBeBrokenUp(t *testing.T) {
	s := apitest.OpenStore(t)
	server := New(Options{Store: s, Hosts: func() []string { return []string{"a"} }})
	c := &api.Call{Caller: api.Caller{Account: "123456789012"}, Region: "ap-northeast-1"}
	err := s.Decide(t.Context(), func(tx *store.Tx) error {
		tx.Accounts.Put(iam.Account{ID: c.Account})
		return server.ensureDefaultVPC(tx, c.Account, c.Region)
	})
	if err != nil {
		t.Fatal(err)
	}
	data := base64.StdEncoding.EncodeToString(make([]byte, 16<<10))
	var ids []string
	run := func(n int32) error {
		out, err := server.runInstances(t.Context(), c, &wire.RunInstancesInput{ImageId: new("ami-00000000"), MinCount: &n, MaxCount: &n, UserData: &data})
		for _, i := range out.Instances {
			ids = append(ids, *i.InstanceId)
		}
		return err
	}
	terminate := func(ids []string) error {
		_, err := server.terminateInstances(t.Context(), c, &wire.TerminateInstancesInput{InstanceIds: ids})
		return err
	}
	for range 2 {
		if err := run(200); err != nil {
			t.Fatal(err)
		}
	}
	for what, err := range map[string]error{"run": run(400), "terminate": terminate(ids[:400])} {
		if e, ok := errors.AsType[*awserr.Error](err); !ok || e.Code != "ResourceCountExceeded" || e.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, half := range [][]string{ids[:200], ids[200:400]} {
		if err := terminate(half); err != nil {
			t.Error(err)
		}
	}
}
