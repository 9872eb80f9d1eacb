// SPDX-License-Identifier: Apache-2.0

// Package sdktest proves that the official SDK reads our answers. It is a module
// of its own: compiling the SDK's EC2 client takes minutes and gigabytes.
package sdktest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"enishi.dev/enishi/aws/wire"
	oursEC2 "enishi.dev/enishi/aws/wire/ec2"
	oursELBv2 "enishi.dev/enishi/aws/wire/elbv2"
	oursSTS "enishi.dev/enishi/aws/wire/sts"
)

// answers is an HTTP client that gives one answer to everything.
type answers []byte

func (a answers) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(a))}, nil
}

func TestTheSDKReadsEveryAnswerUnchanged(t *testing.T) {
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})
	for _, s := range []struct {
		name     string
		protocol wire.Protocol
		actions  map[string]struct{ In, Out func() any }
		client   func(answers) any
	}{
		{"ec2", wire.EC2, oursEC2.Actions, func(a answers) any {
			return ec2.New(ec2.Options{Region: "us-east-1", Credentials: keys, HTTPClient: a})
		}},
		{"elbv2", wire.ELBv2, oursELBv2.Actions, func(a answers) any {
			return elasticloadbalancingv2.New(elasticloadbalancingv2.Options{Region: "us-east-1", Credentials: keys, HTTPClient: a})
		}},
		{"sts", wire.STS, oursSTS.Actions, func(a answers) any {
			return sts.New(sts.Options{Region: "us-east-1", Credentials: keys, HTTPClient: a})
		}},
	} {
		for action, shapes := range s.actions {
			t.Run(s.name+" "+action, func(t *testing.T) {
				want := shapes.Out()
				fill(reflect.ValueOf(want).Elem(), 0)
				var b bytes.Buffer
				if err := wire.EncodeXML(&b, s.protocol, action, "request", want); err != nil {
					t.Fatal(err)
				}
				call := reflect.ValueOf(s.client(answers(b.Bytes()))).MethodByName(action)
				in := reflect.New(call.Type().In(1).Elem())
				fill(in.Elem(), 0)
				out := call.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
				if !out[1].IsNil() {
					t.Fatal(out[1].Interface())
				}
				compare(t, out[0].Interface(), want)
			})
		}
	}
}

// compare holds two values of types with the same field names against each other.
func compare(t *testing.T, got, want any) {
	t.Helper()
	var g, w map[string]any
	for _, x := range []struct {
		v  any
		to *map[string]any
	}{{got, &g}, {want, &w}} {
		b, err := json.Marshal(x.v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, x.to); err != nil {
			t.Fatal(err)
		}
	}
	delete(g, "ResultMetadata")
	for k := range w {
		if !reflect.DeepEqual(g[k], w[k]) {
			t.Errorf("%s:\n got %.300v\nwant %.300v", k, g[k], w[k])
		}
	}
	if len(g) != len(w) {
		t.Errorf("got %d members, want %d", len(g), len(w))
	}
}

// fill sets every member to something, lists to two elements.
func fill(v reflect.Value, depth int) {
	if depth > 10 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.String:
		v.SetString("text <&> more")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(1.5)
	}
}
