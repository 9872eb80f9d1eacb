// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/wire"
)

// WriteError answers with e as a service of protocol p would.
func (p Protocol) WriteError(w http.ResponseWriter, requestID string, e *awserr.Error) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("Cache-Control", "no-store")
	var body []byte
	switch p {
	case S3:
		h.Set("X-Amz-Request-Id", requestID)
		h.Set("Content-Type", "application/xml")
		body = xmlBody(s3Error{Code: e.Code, Message: e.Message, RequestID: requestID})
	case EC2:
		h.Set("Content-Type", "text/xml;charset=UTF-8")
		b := bytes.NewBufferString(xml.Header)
		wire.EncodeError(b, wire.EC2, requestID, e)
		body = b.Bytes()
	case Query, RESTXML:
		h.Set("Content-Type", "text/xml")
		body = xmlBody(queryError{Type: fault(e), Code: e.Code, Message: e.Message, RequestID: requestID})
	case JSON10:
		h.Set("Content-Type", "application/x-amz-json-1.0")
		body = jsonBody(jsonError{Type: e.Code, Message: e.Message})
	case JSON11:
		h.Set("Content-Type", "application/x-amz-json-1.1")
		body = jsonBody(jsonError{Type: e.Code, Message: e.Message})
	case CBOR:
		h.Set("Content-Type", "application/cbor")
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = cborBody(e)
	default:
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Errortype", e.Code)
		body = jsonBody(jsonError{Message: e.Message})
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type jsonError struct {
	Type    string `json:"__type,omitempty"`
	Message string `json:"message"`
}

func fault(e *awserr.Error) string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

func xmlBody(v any) []byte {
	b, err := xml.Marshal(v)
	if err != nil {
		panic(err) // plain strings always marshal
	}
	return append([]byte(xml.Header), b...)
}

func jsonBody(v jsonError) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain strings always marshal
	}
	return b
}

// cborBody is {"__type": code, "message": text} (RFC 8949).
func cborBody(e *awserr.Error) []byte {
	b := []byte{0xa2} // a map of two
	for _, s := range []string{"__type", e.Code, "message", e.Message} {
		b = append(b, 0x79, byte(len(s)>>8), byte(len(s))) // a text with its length in two bytes
		b = append(b, s...)
	}
	return b
}
