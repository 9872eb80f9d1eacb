// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"net/url"
	"reflect"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/wire"
)

// Service is one AWS service's API: a closed set of actions.
type Service struct {
	Name     string // in the signature's scope: ec2
	Version  string // 2016-11-15
	Protocol wire.Protocol
	Actions  map[string]Action
	Others   []string // AWS's further ones: refused as not implemented
}

// Action is one row of a service's table. See [Handle].
type Action struct {
	IAM   string     // what a policy calls it
	About []Resource // what it is about; none: everything

	newInput func() any
	do       func(ctx context.Context, c *Call, in any) (out any, err error)
}

// Resource says where a request names what it is about.
type Resource struct {
	Kind  string // as in the ARN: vpc, security-group
	Field string // of the request's shape; "" for what is yet to be made
}

// On is the resource that the field of the request names, or several in a list.
func On(kind, field string) Resource { return Resource{kind, field} }

// New is a resource that the action makes.
func New(kind string) Resource { return Resource{Kind: kind} }

// Handle makes the row of an action: what IAM calls it, the method that carries
// it out, and what it is about. The method runs after the caller is authorized,
// and not for a dry run. A field that the request does not have panics.
func Handle[In, Out any](iam string, do func(context.Context, *Call, *In) (*Out, error), about ...Resource) Action {
	for _, r := range about {
		if _, ok := reflect.TypeFor[In]().FieldByName(r.Field); !ok && r.Field != "" {
			panic(fmt.Sprintf("api: %s: %T has no field %s", iam, *new(In), r.Field))
		}
	}
	return Action{
		IAM: iam, About: about,
		newInput: func() any { return new(In) },
		do:       func(ctx context.Context, c *Call, in any) (any, error) { return do(ctx, c, in.(*In)) },
	}
}

// run carries the action out, unless it may not be, or need not be.
func (a Action) run(ctx context.Context, c *Call, form url.Values, p wire.Protocol) (any, error) {
	in := a.newInput()
	if err := wire.DecodeForm(p, form, in); err != nil {
		return nil, err
	}
	if err := authorize(c, a.IAM, a.resources(c, in)); err != nil {
		return nil, err
	}
	if dry, ok := field(in, "DryRun").(*bool); ok && dry != nil && *dry {
		return nil, awserr.New("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return a.do(ctx, c, in)
}

// resources are the ARNs of what the request is about.
func (a Action) resources(c *Call, in any) []string {
	var arns []string
	for _, r := range a.About {
		switch ids := field(in, r.Field).(type) {
		case *string:
			if ids != nil {
				arns = append(arns, c.Resource(r.Kind, *ids))
			}
		case []string:
			for _, id := range ids {
				arns = append(arns, c.Resource(r.Kind, id))
			}
		default:
			arns = append(arns, c.Resource(r.Kind, "*"))
		}
	}
	if len(arns) == 0 {
		return []string{"*"}
	}
	return arns
}

// field is the value of in's field, or nil if it has none of the name.
func field(in any, name string) any {
	if f := reflect.ValueOf(in).Elem().FieldByName(name); f.IsValid() {
		return f.Interface()
	}
	return nil
}
