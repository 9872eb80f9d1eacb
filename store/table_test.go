// SPDX-License-Identifier: Apache-2.0

package store

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRowsAreFoundByTheirIndexes(t *testing.T) {
	s := open(t)
	meta := vpc.Meta{Account: "123456789012", Region: "ap-northeast-1"}
	decide(t, s, func(tx *Tx) {
		tx.VPCs.Put(vpc.VPC{Meta: meta, ID: "vpc-1"})
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: "subnet-1", VPC: "vpc-1"})
		tx.Subnets.Put(vpc.Subnet{Meta: meta, ID: "subnet-12", VPC: "vpc-12"})
		tx.RouteTables.Put(vpc.RouteTable{Meta: meta, ID: "rtb-1", VPC: "vpc-1",
			Associations: []vpc.TableAssociation{{ID: "a"}, {ID: "b", Subnet: "subnet-1"}}})
		tx.SecurityGroups.Put(vpc.SecurityGroup{Meta: meta, ID: "sg-1", VPC: "vpc-1",
			Rules: []vpc.Rule{{Group: "sg-2"}, {Group: "sg-2"}, {CIDR: netip.MustParsePrefix("::/0")}}})
		tx.SecurityGroups.Put(vpc.SecurityGroup{Meta: meta, ID: "sg-2", VPC: "vpc-1"})
		tx.ENIs.Put(vpc.ENI{Meta: meta, ID: "eni-2", VPC: "vpc-1", Subnet: "subnet-1",
			Groups: []vpc.SecurityGroupID{"sg-1", "sg-2"}, Attachment: &vpc.Attachment{Instance: "i-1"}})
		tx.ENIs.Put(vpc.ENI{Meta: meta, ID: "eni-1", VPC: "vpc-1", Subnet: "subnet-1",
			Groups: []vpc.SecurityGroupID{"sg-2"}, Endpoint: "vpce-1"})
		tx.ENIs.Put(vpc.ENI{Meta: meta, ID: "eni-3", VPC: "vpc-12", Subnet: "subnet-12"})
		tx.Endpoints.Put(vpc.Endpoint{Meta: meta, ID: "vpce-1", VPC: "vpc-1",
			Subnets: []vpc.SubnetID{"subnet-1"}, Groups: []vpc.SecurityGroupID{"sg-2"}})
		tx.Instances.Put(vpc.Instance{Meta: meta, ID: "i-1", VPC: "vpc-1", Subnet: "subnet-1", Host: "h"})
		tx.AccessKeys.Put(iam.AccessKey{ID: "AKIA1", Account: "123456789012"})
	})
	v := s.View()
	subnet := func(v vpc.Subnet) string { return string(v.ID) }
	table := func(v vpc.RouteTable) string { return string(v.ID) }
	group := func(v vpc.SecurityGroup) string { return string(v.ID) }
	endpoint := func(v vpc.Endpoint) string { return string(v.ID) }
	instance := func(v vpc.Instance) string { return string(v.ID) }
	const owner = "123456789012/ap-northeast-1"
	for _, c := range []struct {
		name string
		got  []string
		want string
	}{
		{"VPC by account", ids(v.VPCs.By("account", owner), func(v vpc.VPC) string { return string(v.ID) }), "vpc-1"},
		{"a key is not found by its beginning", ids(v.Subnets.By("vpc", "vpc-1"), subnet), "subnet-1"},
		{"subnet by account, in order of ids", ids(v.Subnets.By("account", owner), subnet), "subnet-1 subnet-12"},
		{"route table by VPC", ids(v.RouteTables.By("vpc", "vpc-1"), table), "rtb-1"},
		{"route table by subnet", ids(v.RouteTables.By("subnet", "subnet-1"), table), "rtb-1"},
		{"the main association has no subnet", ids(v.RouteTables.By("subnet", ""), table), ""},
		{"group by VPC", ids(v.SecurityGroups.By("vpc", "vpc-1"), group), "sg-1 sg-2"},
		{"group by a group that two of its rules name", ids(v.SecurityGroups.By("group", "sg-2"), group), "sg-1"},
		{"group of itself only by rules", ids(v.SecurityGroups.By("group", "sg-1"), group), ""},
		{"ENI by VPC, in order of ids", ids(v.ENIs.By("vpc", "vpc-1"), eniID), "eni-1 eni-2"},
		{"ENI by subnet", ids(v.ENIs.By("subnet", "subnet-12"), eniID), "eni-3"},
		{"ENI by each of its groups", ids(v.ENIs.By("group", "sg-2"), eniID), "eni-1 eni-2"},
		{"ENI by endpoint", ids(v.ENIs.By("endpoint", "vpce-1"), eniID), "eni-1"},
		{"ENI by instance", ids(v.ENIs.By("instance", "i-1"), eniID), "eni-2"},
		{"endpoint by VPC", ids(v.Endpoints.By("vpc", "vpc-1"), endpoint), "vpce-1"},
		{"endpoint by subnet", ids(v.Endpoints.By("subnet", "subnet-1"), endpoint), "vpce-1"},
		{"endpoint by group", ids(v.Endpoints.By("group", "sg-2"), endpoint), "vpce-1"},
		{"instance by VPC", ids(v.Instances.By("vpc", "vpc-1"), instance), "i-1"},
		{"instance by subnet", ids(v.Instances.By("subnet", "subnet-1"), instance), "i-1"},
		{"instance by host", ids(v.Instances.By("host", "h"), instance), "i-1"},
		{"access key by account", ids(v.AccessKeys.By("account", "123456789012"), func(k iam.AccessKey) string { return k.ID }), "AKIA1"},
		{"all ENIs, in order of ids", ids(v.ENIs.All(), eniID), "eni-1 eni-2 eni-3"},
		{"all accounts, of which there are none", ids(v.Accounts.All(), func(a iam.Account) string { return a.ID }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(c.got, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("a change of the row changes where it is found", func(t *testing.T) {
		decide(t, s, func(tx *Tx) {
			e, _ := tx.ENIs.Get("eni-2")
			e.Groups, e.Attachment = []vpc.SecurityGroupID{"sg-1"}, nil
			tx.ENIs.Put(e)
		})
		if got := ids(s.View().ENIs.By("group", "sg-2"), eniID); strings.Join(got, " ") != "eni-1" {
			t.Errorf("by group: %v", got)
		}
		if got := ids(s.View().ENIs.By("instance", "i-1"), eniID); len(got) > 0 {
			t.Errorf("by instance: %v", got)
		}
		if got := ids(v.ENIs.By("group", "sg-2"), eniID); len(got) != 2 {
			t.Errorf("the view from before has changed: %v", got)
		}
	})
}

func TestAnUnknownIndexPanics(t *testing.T) {
	defer func() {
		if v, ok := recover().(string); !ok || !strings.Contains(v, `table vpc has no index "colour"`) {
			t.Errorf("panic %v", v)
		}
	}()
	open(t).View().VPCs.By("colour", "red")
}

func TestSpecAndStatusHaveOneWriterEach(t *testing.T) {
	gone := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	spec := vpc.Endpoint{ID: "vpce-1", Service: "ec2", Generation: 1}
	both := spec
	both.Status = vpc.EndpointStatus{Ready: 1, Gone: gone}
	for _, c := range []struct {
		name   string
		before func(*Tx)
		do     func(*Tx)
		want   vpc.Endpoint
		found  bool
		keys   map[string]string
	}{
		{
			name:  "Put of a new row writes no status",
			do:    func(tx *Tx) { tx.Endpoints.Put(both) },
			want:  spec,
			found: true,
			keys:  map[string]string{"endpoint/vpce-1": ""},
		},
		{
			name:   "PutStatus writes the status alone",
			before: func(tx *Tx) { tx.Endpoints.Put(spec) },
			do: func(tx *Tx) {
				tx.Endpoints.PutStatus(vpc.Endpoint{ID: "vpce-1", Service: "s3", Generation: 9, Status: both.Status})
			},
			want:  both,
			found: true,
			keys:  map[string]string{"endpoint-status/vpce-1": ""},
		},
		{
			name:   "Put keeps the status that is stored",
			before: func(tx *Tx) { tx.Endpoints.Put(spec); tx.Endpoints.PutStatus(both) },
			do: func(tx *Tx) {
				tx.Endpoints.Put(vpc.Endpoint{ID: "vpce-1", Service: "s3", Generation: 2, Status: vpc.EndpointStatus{Ready: 7}})
			},
			want:  vpc.Endpoint{ID: "vpce-1", Service: "s3", Generation: 2, Status: both.Status},
			found: true,
			keys:  map[string]string{"endpoint/vpce-1": ""},
		},
		{
			name:   "a row that was put and has got its status in one decision has both",
			do:     func(tx *Tx) { tx.Endpoints.Put(spec); tx.Endpoints.PutStatus(both) },
			want:   both,
			found:  true,
			keys:   map[string]string{"endpoint/vpce-1": "", "endpoint-status/vpce-1": ""},
			before: func(*Tx) {},
		},
		{
			name: "a row that is not there gets no status",
			do:   func(tx *Tx) { tx.Endpoints.PutStatus(both) },
			keys: map[string]string{},
		},
		{
			name:   "Delete takes both",
			before: func(tx *Tx) { tx.Endpoints.Put(spec); tx.Endpoints.PutStatus(both) },
			do:     func(tx *Tx) { tx.Endpoints.Delete("vpce-1") },
			keys:   map[string]string{"endpoint/vpce-1": "", "endpoint-status/vpce-1": ""},
		},
		{
			name:   "what is as it was is not written",
			before: func(tx *Tx) { tx.Endpoints.Put(spec); tx.Endpoints.PutStatus(both) },
			do:     func(tx *Tx) { tx.Endpoints.Put(both); tx.Endpoints.PutStatus(both); tx.Endpoints.Delete("vpce-2") },
			want:   both,
			found:  true,
			keys:   map[string]string{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			if c.before != nil {
				decide(t, s, c.before)
			}
			before := s.View().Revision()
			decide(t, s, c.do)
			for _, v := range []*View{s.View(), reopen(t, s)} {
				got, found := v.Endpoints.Get("vpce-1")
				if found != c.found {
					t.Errorf("found %t, want %t", found, c.found)
				}
				if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			}
			if d := cmp.Diff(c.keys, changedSince(t, s, before)); d != "" {
				t.Errorf("keys written, -want +got\n%s", d)
			}
		})
	}
}

func TestWritingInALoopDoesNotChangeTheLoop(t *testing.T) {
	s := open(t)
	decide(t, s, func(tx *Tx) {
		for _, id := range []vpc.ENIID{"eni-1", "eni-3", "eni-5"} {
			tx.ENIs.Put(vpc.ENI{ID: id, VPC: "vpc-1"})
		}
		var seen []string
		for e := range tx.ENIs.By("vpc", "vpc-1") {
			seen = append(seen, string(e.ID))
			tx.ENIs.Delete(string(e.ID))
			tx.ENIs.Put(vpc.ENI{ID: e.ID + "0", VPC: "vpc-1"})
			e.VPC = "vpc-2"
			tx.ENIs.Put(e)
		}
		if d := cmp.Diff([]string{"eni-1", "eni-3", "eni-5"}, seen); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if d := cmp.Diff([]string{"eni-10", "eni-30", "eni-50"}, ids(tx.ENIs.By("vpc", "vpc-1"), eniID)); d != "" {
			t.Errorf("afterwards, -want +got\n%s", d)
		}
		if n := tx.ENIs.Len(); n != 6 {
			t.Errorf("%d rows", n)
		}
	})
}
