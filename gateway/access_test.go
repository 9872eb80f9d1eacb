// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi.dev/enishi/aws/protocol"
)

func TestEveryRequestIsALineOfTheAccessLog(t *testing.T) {
	w, _ := withEndpoint(t)
	w.apply(w.endpoint("vpce-kms", "kms", "127.0.1.52", "kms.ap-northeast-1.amazonaws.com"))
	var want, got []string
	for _, c := range []struct{ addr, host, service, body, want string }{
		{"127.0.1.50", ec2Name, "ec2", describe, "vpc-a vpce-1 127.0.0.10 ec2 DescribeAvailabilityZones 200"},
		{"127.0.1.50", ec2Name, "sts", describe, "vpc-a vpce-1 127.0.0.10 ec2  401"},
		{"127.0.1.50", ec2Name, "ec2", "Action=" + strings.Repeat("a", 1000), "vpc-a vpce-1 127.0.0.10 ec2 " + strings.Repeat("a", 128) + " 200"},
		{"127.0.1.52", "kms.ap-northeast-1.amazonaws.com", "kms", "{}", "vpc-a vpce-kms 127.0.0.10 kms  501"},
		{w.Public, "127.0.0.1", "ec2", describe, "  127.0.0.10 ec2 DescribeAvailabilityZones 200"}, // not through an endpoint
	} {
		addr, url := c.addr, "https://"+c.host+"/"
		if addr != w.Public {
			addr = w.at(addr)
		} else {
			url = "http://" + w.Public + "/"
		}
		_, header, body, err := post(w, w.client("127.0.0.10", addr), url, c.service, c.body)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%s %d %s", c.want, len(body), header.Get("X-Amzn-Requestid")))
	}
	w.withRequests(5)
	for text := range strings.Lines(w.seen.String()) {
		var l struct {
			Time                                        time.Time
			VPC, VPCE, Source, Service, Action, Request string
			Status, Bytes                               int
			Ms                                          *float64
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil || l.Time.IsZero() || l.Ms == nil || *l.Ms < 0 {
			t.Errorf("%v: %s", err, text)
		}
		got = append(got, strings.Join([]string{l.VPC, l.VPCE, l.Source, l.Service, l.Action, fmt.Sprint(l.Status), fmt.Sprint(l.Bytes), l.Request}, " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOfALongActionNoMoreIsKeptThanIsShown(t *testing.T) {
	g := newGateway(Options{Status: newQueue(nil)})
	action := strings.Repeat("a", 1<<20)
	g.record(&exchange{conn: &conn{}, head: protocol.Head{Action: action}})
	got := g.requests.last()[0].Action
	if got != action[:longestAction] || unsafe.StringData(got) == unsafe.StringData(action) {
		t.Errorf("it keeps %d bytes of which it shows %d", len(action), len(got))
	}
}

func TestALineIsWrittenAsTheStandardLibraryWritesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9.:_-]*`), rapid.StringN(0, 8, 8)).Draw(t, name)
		}
		source := netip.Addr{}
		if b := rapid.SampledFrom([]int{0, 4, 16}).Draw(t, "family"); b > 0 {
			source, _ = netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), b, b).Draw(t, "source"))
		}
		l := line{
			Time: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC(),
			VPC:  text("vpc"), VPCE: text("vpce"), Source: source, Service: text("service"), Action: text("action"),
			Status: rapid.IntRange(0, 599).Draw(t, "status"), Bytes: rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
			Millis: float64(rapid.Int64Range(0, 1e9).Draw(t, "us")) / 1000, Request: text("request"),
		}
		want, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.append(nil); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
