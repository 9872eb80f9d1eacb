// SPDX-License-Identifier: Apache-2.0

package hoststate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enishi.dev/enishi/hoststate"
)

var kinds = []hoststate.Kind{hoststate.KindNetwork, hoststate.KindInterface, hoststate.KindGroupSet, hoststate.KindRouteTable,
	hoststate.KindEndpoint, hoststate.KindName, hoststate.KindInstance, hoststate.KindMetadata}

// fill gives every field of v a value of its own that is not its zero.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch p := v.Addr().Interface().(type) {
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{10, 0, 0, byte(*n)})
		return
	case *netip.Prefix:
		*p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(*n), 0}), 24)
		return
	case *hoststate.MAC:
		*p = hoststate.MAC{2, 0, 0, 0, 0, byte(*n)}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d<\"", strings.ToLower(v.Type().Name()), *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, k, n)
		fill(t, e, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(*n))
	default:
		t.Fatalf("no value for a field of kind %s", v.Kind())
	}
}

func filled(t *testing.T, k hoststate.Kind) hoststate.Unit {
	t.Helper()
	u, n := hoststate.New(k), 0
	fill(t, reflect.ValueOf(u).Elem(), &n)
	return u
}

func TestEveryFieldOfEveryKindSurvivesTheTrip(t *testing.T) {
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			want := filled(t, k)
			b, err := json.Marshal(hoststate.Delta{Set: []hoststate.Envelope{hoststate.Seal(want)}})
			if err != nil {
				t.Fatal(err)
			}
			var d hoststate.Delta
			if err := json.Unmarshal(b, &d); err != nil {
				t.Fatal(err)
			}
			got, err := d.Set[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got.Key().Kind != k || d.Set[0].Key != want.Key() {
				t.Errorf("it is %s under %s", got.Key(), d.Set[0].Key)
			}
		})
		t.Run("an empty "+string(k), func(t *testing.T) {
			want := hoststate.New(k)
			if got, err := hoststate.Seal(want).Open(); err != nil || !reflect.DeepEqual(want, got) {
				t.Errorf("%+v: %v", got, err)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ kind, id, unit, want string }{
		"a kind that is not known":                {"balloon", "x", `{}`, "unit balloon/x: kind not known"},
		"no kind":                                 {"", "x", `{}`, "unit /x: kind not known"},
		"a field that is not known":               {"network", "x", `{"id":"x","colour":1}`, `unit network/x: json: unknown field "colour"`},
		"a field deeper that is not":              {"groupset", "x", `{"id":"x","ingress":[{"colour":1}]}`, `unit groupset/x: json: unknown field "colour"`},
		"another unit's key":                      {"network", "x", `{"id":"y"}`, "unit network/x: holds network/y"},
		"no unit":                                 {"network", "x", ``, "unit network/x: EOF"},
		"nothing as a unit":                       {"network", "x", `null`, "unit network/x: holds network/"},
		"a list":                                  {"network", "x", `[]`, "unit network/x: json: cannot unmarshal array"},
		"a number that does not fit":              {"network", "x", `{"id":"x","vni":4294967296}`, "unit network/x: json: cannot unmarshal number"},
		"an address that is none":                 {"endpoint", "x", `{"id":"x","addresses":["10.0.0.256"]}`, "unit endpoint/x: ParseAddr"},
		"a hardware address that is one too long": {"interface", "x", `{"id":"x","mac":"02:00:00:00:00:00:00:01"}`, "is not six bytes"},
		"a name of another network":               {"name", "vpc-1/a.b", `{"network":"vpc-2","name":"a.b"}`, "unit name/vpc-1/a.b: holds name/vpc-2/a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			e := hoststate.Envelope{Key: hoststate.Key{Kind: hoststate.Kind(c.kind), ID: c.id}, Unit: json.RawMessage(c.unit)}
			if u, err := e.Open(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %+v, %v", c.want, u, err)
			}
		})
	}
}

func FuzzEnvelopeOpen(f *testing.F) {
	for _, k := range kinds {
		e := hoststate.Seal(hoststate.New(k))
		f.Add(string(e.Key.Kind), e.Key.ID, []byte(e.Unit))
	}
	f.Add("name", "vpc-1/a", []byte(`{"network":"vpc-1","name":"a","addresses":["fe80::1%x"]}`))
	f.Add("groupset", "g", []byte(`{"ID":"g","egress":[{"prefix":"::ffff:1.2.3.4/96"},{"prefix":""}]}`))
	f.Add("network", "x", []byte(`{"id":"x","resolver":[],"prefixes":null}`))
	f.Fuzz(func(t *testing.T, kind, id string, unit []byte) {
		e := hoststate.Envelope{Key: hoststate.Key{Kind: hoststate.Kind(kind), ID: id}, Unit: unit}
		u, err := e.Open()
		if err != nil {
			return
		}
		sealed := hoststate.Seal(u)
		again, err := sealed.Open()
		if err != nil || u.Key() != e.Key {
			t.Fatalf("%s holds %s; sealed again: %v", e.Key, u.Key(), err)
		}
		if !bytes.Equal(sealed.Unit, hoststate.Seal(again).Unit) {
			t.Errorf("%s comes again as %s", sealed.Unit, hoststate.Seal(again).Unit)
		}
	})
}

func FuzzMAC(f *testing.F) {
	for _, s := range []string{"", "02:00:00:00:00:01", "02-00-00-00-00-01", "0200.0000.0001", "02:00:00:00:00", "02:00:00:00:00:00:00:01", "02:00:00:00:00:0g"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := hoststate.MAC{1, 2, 3, 4, 5, 6}
		m := before
		if err := m.UnmarshalText(b); err != nil {
			if m != before {
				t.Errorf("%q is refused and written", b)
			}
			return
		}
		text, _ := m.MarshalText()
		var again hoststate.MAC
		if err := again.UnmarshalText(text); err != nil || again != m || len(text) != len("02:00:00:00:00:01") {
			t.Errorf("%q is %s, and again %s: %v", b, text, again, err)
		}
	})
}
