// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"enishi.dev/enishi/aws/awserr"
)

// EncodeXML writes out, a pointer to the shape of an answer or nil, as the answer
// to action. A list that is empty but not nil is an empty element; nil is none.
func EncodeXML(w io.Writer, p Protocol, action, requestID string, out any) error {
	var d document
	root := action + "Response"
	d.root(root, p)
	if p.flat {
		d.text("requestId", requestID)
		d.shape(p, out)
	} else {
		d.open(action + "Result")
		d.shape(p, out)
		d.close(action + "Result")
		d.open("ResponseMetadata")
		d.text("RequestId", requestID)
		d.close("ResponseMetadata")
	}
	d.close(root)
	_, err := w.Write(d.b)
	return err
}

// document is what is written of a document so far. [xml.Encoder], which keeps
// the names of open elements and looks at each again, takes four times as long.
type document struct{ b []byte }

func (d *document) open(name string) { d.b = append(append(append(d.b, '<'), name...), '>') }

func (d *document) close(name string) { d.b = append(append(append(d.b, "</"...), name...), '>') }

// root opens the element that has the protocol's namespace.
func (d *document) root(name string, p Protocol) {
	d.b = append(append(append(d.b, '<'), name...), ` xmlns="`...)
	d.escape(p.namespace)
	d.b = append(d.b, `">`...)
}

func (d *document) text(name, value string) {
	d.open(name)
	d.escape(value)
	d.close(name)
}

// escape adds a text, which hardly ever has anything to escape.
func (d *document) escape(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			b := bytes.NewBuffer(d.b)
			_ = xml.EscapeText(b, []byte(s)) // a buffer takes everything
			d.b = b.Bytes()
			return
		}
	}
	d.b = append(d.b, s...)
}

func (d *document) shape(p Protocol, out any) {
	if v := reflect.ValueOf(out); v.IsValid() && !v.IsNil() {
		d.fields(p, v.Elem())
	}
}

func (d *document) fields(p Protocol, v reflect.Value) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if name := tag.Get("x"); name != "" {
			d.member(p, name, cmp.Or(tag.Get("item"), p.item()), v.Field(i), false)
		}
	}
}

// member writes one element. The zero value of an enum is none, as it has no
// pointer to be nil; inside a list (always) everything is written. item is what
// the elements of a list are called.
func (d *document) member(p Protocol, name, item string, v reflect.Value, always bool) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			d.member(p, name, item, v.Elem(), true)
		}
	case v.Type() == reflect.TypeFor[time.Time]():
		d.text(name, v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		if v.IsNil() {
			return
		}
		d.open(name)
		for i := range v.Len() {
			d.member(p, item, p.item(), v.Index(i), true)
		}
		d.close(name)
	case v.Kind() == reflect.Struct:
		d.open(name)
		d.fields(p, v)
		d.close(name)
	default:
		if s := scalarText(v); s != "" || always {
			d.text(name, s)
		}
	}
}

// scalarText is a value as AWS writes it, in forms and in XML.
func scalarText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Slice:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	panic(fmt.Sprintf("wire: %s is no type of a shape", v.Type()))
}

// EncodeError writes e as the refusal of a request. An error of w is w's.
func EncodeError(w io.Writer, p Protocol, requestID string, e *awserr.Error) {
	var d document
	if p.flat {
		for _, name := range []string{"Response", "Errors", "Error"} {
			d.open(name)
		}
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.close("Error")
		d.close("Errors")
		d.text("RequestID", requestID)
		d.close("Response")
	} else {
		fault := "Sender"
		if e.Status >= http.StatusInternalServerError {
			fault = "Receiver"
		}
		d.root("ErrorResponse", p)
		d.open("Error")
		d.text("Type", fault)
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.close("Error")
		d.text("RequestId", requestID)
		d.close("ErrorResponse")
	}
	_, _ = w.Write(d.b)
}
