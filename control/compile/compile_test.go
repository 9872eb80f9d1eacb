// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/control/compile"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

var update = flag.Bool("update", false, "write the goldens")

// newWorld makes two VPCs with the same range, each with a subnet.
func newWorld(tx *store.Tx) {
	for i := range 2 {
		meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
		v := vpc.VPC{Meta: meta, ID: id[vpc.VPCID]("vpc", i), VNI: uint32(i + 1), CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			DNSSupport: true, DNSHostnames: true, MainTable: id[vpc.RouteTableID]("rtb", i), DefaultGroup: id[vpc.SecurityGroupID]("sg", i)}
		tx.VPCs.Put(v)
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: id[vpc.SubnetID]("subnet", i), VPC: v.ID, Zone: "ap-northeast-1a", CIDR: netip.MustParsePrefix("10.0.1.0/24")})
		tx.RouteTables.Put(vpc.RouteTable{Meta: meta, ID: v.MainTable, Number: uint32(i + 1), VPC: v.ID})
		for g := range 2 {
			group := vpc.SecurityGroup{Meta: meta, ID: id[vpc.SecurityGroupID]("sg", i+10*g), Number: uint32(i + 10*g + 1), VPC: v.ID}
			if g == 0 {
				group.Rules = []vpc.Rule{{ID: "sgr-in", Protocol: -1, From: -1, To: -1, Group: group.ID}}
			}
			tx.SecurityGroups.Put(group)
		}
	}
}

func id[T ~string](prefix string, n int) T { return T(fmt.Sprintf("%s-%017x", prefix, n)) }

// launch puts an instance with its interface.
func launch(tx *store.Tx, n, v int, host string) {
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	i := vpc.Instance{Meta: meta, ID: id[vpc.InstanceID]("i", n), VPC: id[vpc.VPCID]("vpc", v), Subnet: id[vpc.SubnetID]("subnet", v),
		Zone: "ap-northeast-1a", Host: host, ENIs: []vpc.ENIID{id[vpc.ENIID]("eni", n)}, PowerWanted: vpc.PowerOn}
	tx.Instances.Put(i)
	tx.ENIs.Put(vpc.ENI{Meta: meta, ID: i.ENIs[0], Number: uint32(n), VPC: i.VPC, Subnet: i.Subnet, Zone: i.Zone, MAC: fmt.Sprintf("02:01:00:00:00:%02x", n),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + n)})}, Groups: []vpc.SecurityGroupID{id[vpc.SecurityGroupID]("sg", v)},
		Type: "interface", Attachment: &vpc.Attachment{Instance: i.ID}})
}

// connect puts an endpoint with its interface.
func connect(tx *store.Tx, n, v int) {
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	e := vpc.Endpoint{Meta: meta, ID: id[vpc.EndpointID]("vpce", n), VPC: id[vpc.VPCID]("vpc", v), Type: vpc.Interface, Service: "com.amazonaws.ap-northeast-1.ec2",
		Subnets: []vpc.SubnetID{id[vpc.SubnetID]("subnet", v)}, Groups: []vpc.SecurityGroupID{id[vpc.SecurityGroupID]("sg", v+10)},
		ENIs: []vpc.ENIID{id[vpc.ENIID]("eni", 100+n)}, PrivateDNS: n <= 2, Suffix: "abcd1234", Generation: 1}
	tx.Endpoints.Put(e)
	tx.ENIs.Put(vpc.ENI{Meta: meta, ID: e.ENIs[0], Number: uint32(100 + n), VPC: e.VPC, Subnet: e.Subnets[0], Zone: "ap-northeast-1a", MAC: fmt.Sprintf("02:01:00:00:01:%02x", n),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 1, byte(100 + n)})}, Groups: e.Groups, Type: "vpc_endpoint", Endpoint: e.ID, Attachment: &vpc.Attachment{Device: 1}})
}

func decide(t testing.TB, s *store.Store, f func(tx *store.Tx)) {
	t.Helper()
	if err := s.Decide(t.Context(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

var here = compile.Facts{Host: "local", Live: []string{"local"}}

// text is units as an operator would list them: one a line, sorted. Public names
// of AWS's services are left out: there are many, always the same.
func text(units map[hoststate.Key]hoststate.Unit) string {
	var b strings.Builder
	keys := slices.SortedFunc(maps.Keys(units), func(x, y hoststate.Key) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		if k.Kind == hoststate.KindName && strings.HasPrefix(k.ID, "/") && !strings.Contains(k.ID, "vpce") && !strings.Contains(k.ID, "compute") {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", k, hoststate.Seal(units[k]).Unit)
	}
	return b.String()
}

func golden(t *testing.T, name string, units map[hoststate.Key]hoststate.Unit) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	got := text(units)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTheLifeOfAnEndpoint(t *testing.T) {
	s := apitest.OpenStore(t)
	decide(t, s, newWorld)
	golden(t, "empty", compile.Host(s.View(), here))
	decide(t, s, func(tx *store.Tx) { launch(tx, 1, 0, "local"); launch(tx, 2, 1, "other") })
	golden(t, "instance", compile.Host(s.View(), here))
	decide(t, s, func(tx *store.Tx) { connect(tx, 1, 0) })
	golden(t, "pending", compile.Host(s.View(), here))
	status := func(f func(e *vpc.Endpoint)) {
		decide(t, s, func(tx *store.Tx) {
			e, _ := tx.Endpoints.Get(id[string]("vpce", 1))
			f(&e)
			tx.Endpoints.Put(e)
			tx.Endpoints.PutStatus(e)
		})
	}
	status(func(e *vpc.Endpoint) { e.Status.Ready, e.Status.Private = 1, true })
	golden(t, "available", compile.Host(s.View(), here))
	status(func(e *vpc.Endpoint) { e.DeleteRequested = true })
	golden(t, "deleting", compile.Host(s.View(), here))
	status(func(e *vpc.Endpoint) { e.Status.Closed = true })
	decide(t, s, func(tx *store.Tx) {
		eni, _ := tx.ENIs.Get(id[string]("eni", 101))
		eni.Withdrawn = true
		tx.ENIs.Put(eni)
	})
	golden(t, "instance", compile.Host(s.View(), here)) // as before the endpoint
}

func TestWhereRoutesLead(t *testing.T) {
	s := apitest.OpenStore(t)
	decide(t, s, newWorld)
	decide(t, s, func(tx *store.Tx) {
		launch(tx, 1, 0, "local")
		table, _ := tx.RouteTables.Get(id[string]("rtb", 0))
		for i, r := range []vpc.Route{
			{Gateway: "igw-1"}, {ENI: id[vpc.ENIID]("eni", 1)}, {ENI: id[vpc.ENIID]("eni", 7)}, {Instance: id[vpc.InstanceID]("i", 1)}, {Instance: id[vpc.InstanceID]("i", 7)}, {Gateway: "igw-2"},
		} {
			r.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i)}), 24)
			table.Routes = append(table.Routes, r)
		}
		tx.RouteTables.Put(table)
		tx.Gateways.Put(vpc.InternetGateway{ID: "igw-1", VPC: table.VPC})
		tx.Gateways.Put(vpc.InternetGateway{ID: "igw-2", VPC: id[vpc.VPCID]("vpc", 1)})
	})
	eni := id[string]("eni", 1)
	want := []hoststate.Route{
		{Prefix: netip.MustParsePrefix("10.0.0.0/16"), Target: hoststate.RouteLocal},
		{Prefix: netip.MustParsePrefix("192.168.0.0/24"), Target: hoststate.RouteInternet},
		{Prefix: netip.MustParsePrefix("192.168.1.0/24"), Target: hoststate.RouteInterface, Interface: eni},
		{Prefix: netip.MustParsePrefix("192.168.2.0/24"), Target: hoststate.RouteBlackhole},
		{Prefix: netip.MustParsePrefix("192.168.3.0/24"), Target: hoststate.RouteInterface, Interface: eni},
		{Prefix: netip.MustParsePrefix("192.168.4.0/24"), Target: hoststate.RouteBlackhole},
		{Prefix: netip.MustParsePrefix("192.168.5.0/24"), Target: hoststate.RouteBlackhole}, // of another VPC
	}
	unit := compile.Host(s.View(), here)[hoststate.Key{Kind: hoststate.KindRouteTable, ID: id[string]("rtb", 0)}]
	got, _ := unit.(*hoststate.RouteTable)
	if got == nil {
		t.Fatal("there is no table")
	}
	if d := cmp.Diff(want, got.Routes, cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
