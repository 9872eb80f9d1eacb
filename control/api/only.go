// SPDX-License-Identifier: Apache-2.0

package api

import (
	"reflect"
	"slices"

	"enishi.dev/enishi/aws/awserr"
)

// Only refuses a request that asks for more than the fields named, so that no
// parameter is silently dropped. DryRun is always known; false and empty values
// ask for nothing.
func Only(in any, fields ...string) error {
	v := reflect.ValueOf(in).Elem()
	for f, value := range v.Fields() {
		if f.Name == "DryRun" || slices.Contains(fields, f.Name) || asksNothing(value) {
			continue
		}
		return awserr.New("UnsupportedOperation", "The parameter %s is not supported.", f.Name)
	}
	return nil
}

// asksNothing reports whether v is unset, or one of the values that clients send
// for their defaults: false, no text, and structures of nothing else.
func asksNothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
		switch v = v.Elem(); v.Kind() {
		case reflect.Bool, reflect.String:
			return v.IsZero()
		case reflect.Struct:
			return asksNothing(v)
		}
		return false // a number: 0 may be asked for
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !asksNothing(field) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}
