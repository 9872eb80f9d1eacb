// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/aws/wire/sts"
)

func TestWhatAFormMayNotSay(t *testing.T) {
	for _, c := range []struct{ name, form, want string }{
		{"a parameter that the action does not have", "VpcId=vpc-1&Bogus=1", "UnknownParameter: The parameter Bogus is not recognized"},
		{"a member that a structure does not have", "VpcId=vpc-1&DnsOptions.Bogus=1", "UnknownParameter: The parameter DnsOptions.Bogus is not recognized"},
		{"an element where one value belongs", "VpcId.1=vpc-1", "UnknownParameter: The parameter VpcId.1 is not recognized"},
		{"a value where a list belongs", "VpcId=vpc-1&SubnetId=subnet-1", "UnknownParameter: The parameter SubnetId is not recognized"},
		{"an index that is none", "VpcId=vpc-1&SubnetId.x=subnet-1", "UnknownParameter: The parameter SubnetId.x is not recognized"},
		{"index zero", "VpcId=vpc-1&SubnetId.0=subnet-1", "UnknownParameter: The parameter SubnetId.0 is not recognized"},
		{"an index in two spellings", "VpcId=vpc-1&SubnetId.01=subnet-1", "UnknownParameter: The parameter SubnetId.01 is not recognized"},
		{"an index out of all proportion", "VpcId=vpc-1&SubnetId.1000000000=subnet-1", "UnknownParameter: The parameter SubnetId.1000000000 is not recognized"},
		{"a boolean that is none", "VpcId=vpc-1&DryRun=maybe", "InvalidParameterValue: Value (maybe) for parameter DryRun is invalid."},
		{"nothing of what is required", "", "MissingParameter: The request must contain the parameter VpcId"},
		{"names as deep as the sea", "VpcId=vpc-1&" + strings.Repeat("A.", 40) + "A=1", "UnknownParameter: The parameter " + strings.Repeat("A.", 40) + "A is not recognized"},
	} {
		t.Run(c.name, func(t *testing.T) {
			form, err := url.ParseQuery(c.form)
			if err != nil {
				t.Fatal(err)
			}
			err = wire.DecodeForm(wire.EC2, form, new(ec2.CreateVpcEndpointInput))
			var e *awserr.Error
			if !errors.As(err, &e) || e.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAFormHasItsLimit(t *testing.T) {
	form := url.Values{}
	for i := range 20001 {
		form.Set(fmt.Sprintf("SubnetId.%d", i+1), "x")
	}
	err := wire.DecodeForm(wire.EC2, form, new(ec2.CreateVpcEndpointInput))
	if want := "InvalidParameterValue: The request has more than 20000 parameters"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestListsKeepTheirOrderAndSkipGaps(t *testing.T) {
	form := url.Values{"VpcId": {"vpc-1"}, "SubnetId.10": {"c"}, "SubnetId.2": {"b"}, "SubnetId.1": {"a"}}
	var in ec2.CreateVpcEndpointInput
	if err := wire.DecodeForm(wire.EC2, form, &in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, in.SubnetIds); diff != "" {
		t.Errorf("SubnetIds (-want +got):\n%s", diff)
	}
}

func TestAnswersComeBackUnchanged(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 30, 0, 120e6, time.UTC)
	want := ec2.DescribeVpcEndpointsOutput{VpcEndpoints: []ec2.VpcEndpoint{{
		VpcEndpointId: new("vpce-1"), PolicyDocument: new("a<b&\"c\"\n"), CreationTimestamp: &at, PrivateDnsEnabled: new(false),
		RouteTableIds: []string{}, SubnetIds: []string{"subnet-1", "subnet-2"}, State: "available",
	}}}
	var b bytes.Buffer
	if err := wire.EncodeXML(&b, wire.EC2, "DescribeVpcEndpoints", "r", &want); err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{`<DescribeVpcEndpointsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>`,
		"<routeTableIdSet></routeTableIdSet>", "<creationTimestamp>2026-11-24T08:30:00.120Z</creationTimestamp>", "<privateDnsEnabled>false</privateDnsEnabled>"} {
		if !strings.Contains(b.String(), piece) {
			t.Errorf("answer lacks %s:\n%s", piece, &b)
		}
	}
	var got ec2.DescribeVpcEndpointsOutput
	if err := wire.DecodeXML(&b, wire.EC2, "DescribeVpcEndpoints", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueryWrapsItsResult(t *testing.T) {
	var b bytes.Buffer
	if err := wire.EncodeXML(&b, wire.STS, "GetCallerIdentity", "r", &sts.GetCallerIdentityOutput{Account: new("123456789012")}); err != nil {
		t.Fatal(err)
	}
	const want = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", &b, want)
	}
}

func TestRefusalsComeBackUnchanged(t *testing.T) {
	for name, p := range map[string]wire.Protocol{"ec2": wire.EC2, "query": wire.STS} {
		t.Run(name, func(t *testing.T) {
			want := awserr.New("InvalidVpcID.NotFound", "The vpc ID 'vpc-<1>' does not exist")
			var b bytes.Buffer
			wire.EncodeError(&b, p, "r", want)
			if diff := cmp.Diff(want, wire.DecodeError(&b, want.Status)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeForm(f *testing.F) {
	f.Add("VpcId=vpc-1&SubnetId.1=a&TagSpecification.1.Tag.2.Key=k")
	f.Add("SubnetId.99999999999999999999=x&.=&..1=y&Filter.1.Value.1.2=z")
	f.Add("SubnetConfiguration.1.Ipv4=a&SubnetConfiguration.1=b")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, in := range []any{new(ec2.CreateVpcEndpointInput), new(ec2.RunInstancesInput)} {
			err := wire.DecodeForm(wire.EC2, form, in)
			var e *awserr.Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%q: %v is no awserr", query, err)
			}
		}
	})
}

func FuzzDecodeXML(f *testing.F) {
	f.Add([]byte(`<R><requestId>r</requestId><vpcEndpointSet><item><state>available</state></item></vpcEndpointSet></R>`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = wire.DecodeXML(bytes.NewReader(b), wire.EC2, "X", new(ec2.DescribeVpcEndpointsOutput))
		_ = wire.DecodeError(bytes.NewReader(b), 400)
	})
}

func BenchmarkDecodeForm(b *testing.B) {
	form, _ := url.ParseQuery("VpcId=vpc-1&ServiceName=s&SubnetId.1=a&SubnetId.2=b&SecurityGroupId.1=c&PrivateDnsEnabled=true&TagSpecification.1.ResourceType=vpc-endpoint&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v")
	for b.Loop() {
		if err := wire.DecodeForm(wire.EC2, form, new(ec2.CreateVpcEndpointInput)); err != nil {
			b.Fatal(err)
		}
	}
}
