// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// EncodeForm returns the form that asks for action with in, a pointer to its
// shape. Members that are nil or empty are left out.
func EncodeForm(p Protocol, action, version string, in any) url.Values {
	form := url.Values{"Action": {action}, "Version": {version}}
	p.put(form, "", reflect.ValueOf(in).Elem())
	return form
}

func (p Protocol) put(form url.Values, name string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			p.put(form, name, v.Elem())
		}
	case v.Type() == reflect.TypeFor[time.Time]():
		form.Set(name, v.Interface().(time.Time).UTC().Format(time.RFC3339))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		if !p.flat {
			name += ".member"
		}
		for i := range v.Len() {
			p.put(form, name+"."+strconv.Itoa(i+1), v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			q := v.Type().Field(i).Tag.Get("q")
			if q == "" {
				continue
			}
			if name != "" {
				q = name + "." + q
			}
			if f := v.Field(i); f.Kind() != reflect.String || f.Len() > 0 { // an enum that is not set
				p.put(form, q, f)
			}
		}
	default:
		form.Set(name, scalarText(v))
	}
}

// element is any XML element, read whole.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

func (e *element) child(name string) *element {
	for i := range e.Children {
		if strings.EqualFold(e.Children[i].XMLName.Local, name) {
			return &e.Children[i]
		}
	}
	return nil
}

// DecodeXML fills the shape that out points to from the answer to action.
// Elements that the shape does not have are passed over, as SDKs do.
func DecodeXML(r io.Reader, p Protocol, action string, out any) error {
	var root element
	if err := xml.NewDecoder(r).Decode(&root); err != nil {
		return fmt.Errorf("answer to %s: %w", action, err)
	}
	from := &root
	if !p.flat {
		if from = root.child(action + "Result"); from == nil {
			return fmt.Errorf("answer to %s: no %sResult", action, action)
		}
	}
	return p.read(from, reflect.ValueOf(out).Elem())
}

func (p Protocol) read(e *element, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return p.read(e, v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), len(e.Children), len(e.Children)))
		for i := range e.Children {
			if err := p.read(&e.Children[i], v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			x := v.Type().Field(i).Tag.Get("x")
			if x == "" {
				continue
			}
			if c := e.child(x); c != nil {
				if err := p.read(c, v.Field(i)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if !scalar(e.Text, v) {
		return fmt.Errorf("<%s>: %q is no %s", e.XMLName.Local, e.Text, v.Type())
	}
	return nil
}

// DecodeError reads a refusal with the HTTP status that came with it.
func DecodeError(r io.Reader, status int) *awserr.Error {
	var root element
	if err := xml.NewDecoder(r).Decode(&root); err != nil {
		return &awserr.Error{Code: "UnparsableResponse", Message: err.Error(), Status: status}
	}
	e := root.child("Error")
	if errors := root.child("Errors"); errors != nil {
		e = errors.child("Error")
	}
	if e == nil {
		return &awserr.Error{Code: "UnparsableResponse", Message: "no Error in <" + root.XMLName.Local + ">", Status: status}
	}
	answer := &awserr.Error{Status: status}
	if c := e.child("Code"); c != nil {
		answer.Code = c.Text
	}
	if m := e.child("Message"); m != nil {
		answer.Message = m.Text
	}
	return answer
}
