// SPDX-License-Identifier: Apache-2.0

package arn

import "testing"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, s string
		want    ARN
		ok      bool
	}{
		{"an endpoint", "arn:aws:ec2:ap-northeast-1:123456789012:vpc-endpoint/vpce-1", ARN{"aws", "ec2", "ap-northeast-1", "123456789012", "vpc-endpoint/vpce-1"}, true},
		{"a root, of no region", "arn:aws:iam::123456789012:root", ARN{"aws", "iam", "", "123456789012", "root"}, true},
		{"a bucket, of nobody", "arn:aws:s3:::b/k:1", ARN{"aws", "s3", "", "", "b/k:1"}, true},
		{"a resource with colons", "arn:aws:lambda:r:1:function:f:2", ARN{"aws", "lambda", "r", "1", "function:f:2"}, true},
		{"nothing", "", ARN{}, false},
		{"too short", "arn:aws:ec2:r:1", ARN{}, false},
		{"no resource", "arn:aws:ec2:r:1:", ARN{}, false},
		{"no service", "arn:aws::r:1:x", ARN{}, false},
		{"no partition", "arn::ec2:r:1:x", ARN{}, false},
		{"another scheme", "urn:aws:ec2:r:1:x", ARN{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := Parse(c.s); got != c.want || ok != c.ok {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:iam::123456789012:root")
	f.Fuzz(func(t *testing.T, s string) {
		if a, ok := Parse(s); ok && a.String() != s {
			t.Errorf("%q comes back as %q", s, a)
		}
	})
}
