// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/base64"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// DecodeForm fills the shape that in points to from a request's parameters,
// without Action and Version. Whatever it refuses is an [awserr.Error]:
// UnknownParameter for a name that the shape does not have, InvalidParameterValue
// for a value of the wrong form, MissingParameter for a required one.
func DecodeForm(p Protocol, form url.Values, in any) error {
	root, err := tree(form)
	if err != nil {
		return err
	}
	if err := p.fields(root, reflect.ValueOf(in).Elem()); err != nil {
		return err
	}
	if name := root.leftover(); name != "" {
		return unknown(name)
	}
	return missing(reflect.ValueOf(in).Elem())
}

// missing reports the first required member that is not set.
func missing(v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("required") == "true" && v.Field(i).IsZero() {
			return awserr.New("MissingParameter", "The request must contain the parameter %s", f.Tag.Get("q"))
		}
	}
	return nil
}

func (p Protocol) fields(n *node, v reflect.Value) error {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("q")
		if name == "" {
			continue
		}
		c := n.at(name)
		if c == nil {
			continue
		}
		if err := p.member(c, name, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// member fills one member, called name, from what the form has at n.
func (p Protocol) member(n *node, name string, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return p.member(n, name, v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return p.list(n, name, v)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		return p.fields(n, v)
	case !n.set:
		return nil // Name.1 where one value is wanted: left over, and so refused
	}
	n.used = true
	if !scalar(n.value, v) {
		return awserr.New("InvalidParameterValue", "Value (%s) for parameter %s is invalid.", n.value, n.name)
	}
	return nil
}

func (p Protocol) list(n *node, name string, v reflect.Value) error {
	if n.set && n.value == "" {
		n.used = true // Name= is an empty list
	}
	if !p.flat {
		if n = n.children["member"]; n == nil {
			return nil
		}
	}
	for _, c := range n.elements() {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := p.member(c, name, e); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

// scalar parses s into v, and says whether s has v's form.
func scalar(s string, v reflect.Value) bool {
	if v.Type() == reflect.TypeFor[time.Time]() {
		t, err := time.Parse(time.RFC3339, s)
		v.Set(reflect.ValueOf(t))
		return err == nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false
		}
		v.SetBool(b)
	case reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return false
		}
		v.SetInt(i)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		v.SetFloat(f)
	case reflect.Slice: // bytes
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return false
		}
		v.SetBytes(b)
	default:
		return false
	}
	return true
}
