// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"
)

func TestADatabaseAtItsQuotaIsMadeSmallerAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	e, err := StartEmbedded(t.Context(), dir, slog.New(slog.NewTextHandler(t.Output(), nil)), EmbedOptions{UnsafeNoFsync: true, quota: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s := mustOpen(t, e.Options())
	stop := run(t, s)
	decide(t, s, func(tx *Tx) { _ = put("vpc-1")(tx) })
	data := make([]byte, 1<<20)
	large := func(tx *Tx) error { // again and again another value of one row: etcd keeps what it was
		data[0]++
		tx.Secrets.Put(Secret{Name: "large", Data: bytes.Clone(data)})
		return nil
	}
	for n := 0; err == nil; n++ {
		if n == 100 {
			t.Fatal("its quota is never met")
		}
		err = s.Decide(t.Context(), large)
	}
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want Unavailable", err)
	}
	if got := vpcIDs(s.View()); got != "vpc-1" {
		t.Errorf("readers see %s", got)
	}
	for n := 0; ; n++ {
		if err = s.Decide(t.Context(), put("vpc-2")); err == nil {
			break
		}
		if !errors.Is(err, ErrUnavailable) || n == 500 {
			t.Fatalf("got %v; the store ends with %v", err, stop())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := vpcIDs(reopen(t, s)); got != "vpc-1 vpc-2" {
		t.Errorf("got %s", got)
	}
}
