// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
	"github.com/google/go-cmp/cmp"
)

// Scripts sort what lists say, but clients take the first name for the regional one.
func TestNamesOfAnEndpointAreInAWSsOrder(t *testing.T) {
	s := apitest.OpenStore(t)
	err := s.Decide(t.Context(), func(tx *store.Tx) error {
		tx.ENIs.Put(vpc.ENI{ID: "eni-2", Zone: "ap-northeast-1c"})
		tx.ENIs.Put(vpc.ENI{ID: "eni-1", Zone: "ap-northeast-1a"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e := vpc.Endpoint{
		Meta: vpc.Meta{Region: "ap-northeast-1"}, ID: "vpce-1", VPC: "vpc-1", Suffix: "abcd1234",
		Service: "com.amazonaws.ap-northeast-1.ec2", ENIs: []vpc.ENIID{"eni-1", "eni-2"}, PrivateDNS: true,
	}
	var got []string
	for _, n := range wireDNSEntries(s.View(), e) {
		got = append(got, *n.DnsName+" "+*n.HostedZoneId)
	}
	want := []string{
		"vpce-1-abcd1234.ec2.ap-northeast-1.vpce.amazonaws.com Z2E726K9Y6RL4W",
		"vpce-1-abcd1234-ap-northeast-1a.ec2.ap-northeast-1.vpce.amazonaws.com Z2E726K9Y6RL4W",
		"vpce-1-abcd1234-ap-northeast-1c.ec2.ap-northeast-1.vpce.amazonaws.com Z2E726K9Y6RL4W",
		"ec2.ap-northeast-1.amazonaws.com " + e.PrivateZone(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
