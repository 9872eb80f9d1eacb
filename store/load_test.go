// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"strings"
	"testing"

	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

func TestRowsInEtcd(t *testing.T) {
	s := open(t)
	decide(t, s, func(tx *Tx) {
		tx.Secrets.Put(Secret{Name: "ca", Data: []byte("key")})
		tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-1"})
		tx.Endpoints.PutStatus(vpc.Endpoint{ID: "vpce-1", Status: vpc.EndpointStatus{Ready: 1}})
		tx.Number("vni")
	})
	got := etcdKeys(t, s)
	if got["incarnation"] != s.View().Incarnation() || len(s.View().Incarnation()) != 16 {
		t.Errorf("incarnation %q", got["incarnation"])
	}
	delete(got, "incarnation")
	if !strings.HasPrefix(got["endpoint/vpce-1"], `{"format":1,"row":{"account":"",`) {
		t.Errorf("endpoint: %s", got["endpoint/vpce-1"])
	}
	delete(got, "endpoint/vpce-1")
	want := map[string]string{
		"secret/ca":              `{"format":1,"row":{"name":"ca","data":"a2V5"}}`,
		"endpoint-status/vpce-1": `{"format":1,"row":{"ready":1}}`,
		"number/vni":             `{"format":1,"row":{"name":"vni","last":1}}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestOpenRefusesWhatItDoesNotUnderstand(t *testing.T) {
	const mend = "of another version of enishi; start that version, or restore a copy of the data directory that this version wrote"
	for _, c := range []struct{ name, key, value, want string }{
		{"a later format", "vpc/vpc-1", `{"format":2,"row":[]}`, "read %svpc/vpc-1: format 2 " + mend},
		{"no format", "vpc/vpc-1", `{"id":"vpc-1"}`, "read %svpc/vpc-1: format 0 " + mend},
		{"a field that is not known", "vpc/vpc-1", `{"format":1,"row":{"id":"vpc-1","colour":"red"}}`,
			`read %svpc/vpc-1: json: unknown field "colour": it is ` + mend},
		{"a kind that is not known", "colour/red", `{"format":1,"row":{}}`, `read %scolour/red: kind "colour" is ` + mend},
		{"not JSON", "vpc/vpc-1", `{"format":1,"row":{`,
			"read %svpc/vpc-1: damaged: unexpected EOF; restore the data directory from a copy"},
		{"no row", "vpc/vpc-1", `{"format":1}`, `read %svpc/vpc-1: damaged: it holds ""`},
		{"a null row", "vpc/vpc-1", `{"format":1,"row":null}`, "read %svpc/vpc-1: damaged: no row in it; restore the data directory from a copy"},
		{"another row's id", "vpc/vpc-1", `{"format":1,"row":{"id":"vpc-2"}}`, `read %svpc/vpc-1: damaged: it holds "vpc-2"`},
		{"a status without a row", "endpoint-status/vpce-1", `{"format":1,"row":{}}`,
			"read %sendpoint-status/vpce-1: damaged: a status without a row"},
		{"a status of a kind without", "vpc-status/vpc-1", `{"format":1,"row":{}}`, "read %svpc-status/vpc-1: damaged: a status without a row"},
		{"a key that is no row", "vpc", `{}`, "read %svpc: key %svpc: not a row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fresh()
			if _, err := o.Client.Put(t.Context(), o.Prefix+c.key, c.value); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), o)
			want := "open store: " + strings.ReplaceAll(c.want, "%s", o.Prefix)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestRowsOfEarlierVersionsOpen(t *testing.T) {
	o := fresh()
	for key, row := range map[string]string{
		"routetable/rtb-1": `{"id":"rtb-1","routes":[{"prefix":"0.0.0.0/0","eni":"eni-1","origin":"CreateRoute"}]}`, // before there were gateways
	} {
		if _, err := o.Client.Put(t.Context(), o.Prefix+key, `{"format":1,"row":`+row+`}`); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if table, ok := s.View().RouteTables.Get("rtb-1"); !ok || table.Routes[0].ENI != "eni-1" || table.Routes[0].Gateway != "" {
		t.Errorf("route table: %v", table)
	}
	if n := s.View().Gateways.Len(); n != 0 {
		t.Errorf("%d gateways", n)
	}
}

func TestMoreRowsThanAPage(t *testing.T) {
	s := open(t)
	for range 3 {
		decide(t, s, func(tx *Tx) {
			for range pageRows / 2 {
				n := tx.Number("n")
				tx.Secrets.Put(Secret{Name: fmt.Sprint(n)})
			}
		})
	}
	if n := reopen(t, s).Secrets.Len(); n != 3*(pageRows/2) {
		t.Errorf("%d rows", n)
	}
}

func TestAClusterWithLowerLimitsIsRefused(t *testing.T) {
	for _, c := range []struct {
		name       string
		ops, bytes uint
		want       string
	}{
		{"operations", 128, MaxRequestBytes, "--max-txn-ops=4096"},
		{"bytes", MaxTxnOps, 1.5 * 1024 * 1024, "--max-request-bytes=8388608"},
		{"neither", MaxTxnOps, MaxRequestBytes, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := external(t, c.ops, c.bytes)
			s, err := Open(t.Context(), Options{Client: client})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				re, err := client.Get(t.Context(), s.keys.probe(0)[:len(s.keys.probe(0))-1], clientv3.WithPrefix())
				if err != nil || len(re.Kvs) != 0 {
					t.Errorf("the question was written: %v, %v", re, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// external is a client of a cluster that is reached by a socket, as others are.
func external(t *testing.T, ops, bytes uint) *clientv3.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcd") // a short path, as it is a socket's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := embedConfig(dir, EmbedOptions{UnsafeNoFsync: true}, zap.NewNop())
	cfg.MaxTxnOps, cfg.MaxRequestBytes = ops, bytes
	socket := url.URL{Scheme: "unix", Path: dir + "/sock"}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{socket}, []url.URL{socket}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	<-e.Server.ReadyNotify()
	client, err := Connect([]string{socket.String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAnExternalCluster(t *testing.T) {
	client := external(t, MaxTxnOps, MaxRequestBytes)
	s := mustOpen(t, Options{Client: client})
	stop := run(t, s)
	decide(t, s, func(tx *Tx) {
		for i := range batchOps {
			tx.Secrets.Put(Secret{Name: fmt.Sprint(i), Data: make([]byte, 1300)})
		}
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, Options{Client: client}) // at once: the first has resigned
	if n := again.View().Secrets.Len(); n != batchOps {
		t.Errorf("%d rows", n)
	}
}

// FuzzRow reads bytes as a key and a row of every kind: whatever they are, that
// is an error or a row that is written as it was read.
func FuzzRow(f *testing.F) {
	f.Add("/enishi/v1/vpc/vpc-1", []byte(`{"format":1,"row":{"id":"vpc-1","cidrs":["10.0.0.0/8"]}}`))
	f.Add("/enishi/v1/endpoint/vpce-1", []byte(`{"format":1,"row":{"id":"vpce-1","created":"2026-01-02T03:04:05Z"}}`))
	f.Add("/enishi/v1/endpoint-status/vpce-1", []byte(`{"format":1,"row":{"ready":1}}`))
	f.Add("/enishi/v1/number/vni", fmt.Appendf(nil, `{"format":1,"row":{"name":"vni","last":%d}}`, math.MaxUint32))
	f.Add("/enishi/v1/token/x", []byte(`{"format":2}`))
	f.Add("", []byte(`{"format":1,"row":null}`))
	k := keys{DefaultPrefix}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		ref, status, err := k.parse(key)
		if err == nil && strings.HasPrefix(key, k.prefix) {
			again := k.spec(ref)
			if status {
				again = k.status(ref)
			}
			if again != key {
				t.Errorf("key %q is read as %v and written as %q", key, ref, again)
			}
		}
		ts := newTables(k)
		txn := ts.db.WriteTxn(ts.all...)
		defer txn.Abort()
		for _, l := range ts.loaders {
			if l.load(txn, ref.ID, value) == nil {
				_ = l.loadStatus(txn, ref.ID, value)
			}
		}
		var row vpc.Endpoint
		if decode(value, &row) != nil {
			return
		}
		var same vpc.Endpoint
		if err := decode(encode(row), &same); err != nil {
			t.Errorf("read %s, wrote %s: %v", value, encode(row), err)
		}
	})
}
