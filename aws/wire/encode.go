// SPDX-License-Identifier: Apache-2.0

package wire

import (
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
	d := document{xml.NewEncoder(w), nil}
	root := xml.StartElement{Name: xml.Name{Local: action + "Response"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: p.namespace}}}
	d.token(root)
	if p.flat {
		d.text("requestId", requestID)
		d.shape(p, out)
	} else {
		result := start(action + "Result")
		d.token(result)
		d.shape(p, out)
		d.token(result.End())
		meta := start("ResponseMetadata")
		d.token(meta)
		d.text("RequestId", requestID)
		d.token(meta.End())
	}
	d.token(root.End())
	if d.err != nil {
		return d.err
	}
	return d.e.Flush()
}

// document writes elements until the first error, which it keeps.
type document struct {
	e   *xml.Encoder
	err error
}

func start(name string) xml.StartElement { return xml.StartElement{Name: xml.Name{Local: name}} }

func (d *document) token(t xml.Token) {
	if d.err == nil {
		d.err = d.e.EncodeToken(t)
	}
}

func (d *document) text(name, value string) {
	d.token(start(name))
	d.token(xml.CharData(value))
	d.token(start(name).End())
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
		d.token(start(name))
		for i := range v.Len() {
			d.member(p, item, p.item(), v.Index(i), true)
		}
		d.token(start(name).End())
	case v.Kind() == reflect.Struct:
		d.token(start(name))
		d.fields(p, v)
		d.token(start(name).End())
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
	d := document{xml.NewEncoder(w), nil}
	if p.flat {
		for _, name := range []string{"Response", "Errors", "Error"} {
			d.token(start(name))
		}
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.token(start("Error").End())
		d.token(start("Errors").End())
		d.text("RequestID", requestID)
		d.token(start("Response").End())
	} else {
		fault := "Sender"
		if e.Status >= http.StatusInternalServerError {
			fault = "Receiver"
		}
		root := start("ErrorResponse")
		root.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: p.namespace}}
		d.token(root)
		d.token(start("Error"))
		d.text("Type", fault)
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.token(start("Error").End())
		d.text("RequestId", requestID)
		d.token(root.End())
	}
	_ = d.e.Flush()
}
