// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Kind names a table.
type Kind string

// The kinds of rows.
const (
	KindVPC           Kind = "vpc"
	KindSubnet        Kind = "subnet"
	KindRouteTable    Kind = "routetable"
	KindSecurityGroup Kind = "securitygroup"
	KindENI           Kind = "eni"
	KindEndpoint      Kind = "endpoint"
	KindInstance      Kind = "instance"
	KindGateway       Kind = "internetgateway"
	KindAccount       Kind = "account"
	KindAccessKey     Kind = "accesskey"
	KindSecret        Kind = "secret"
	KindHost          Kind = "host"

	kindNumber Kind = "number"
	kindToken  Kind = "token"
)

// Ref names a row.
type Ref struct {
	Kind Kind
	ID   string
}

func (r Ref) String() string { return string(r.Kind) + "/" + r.ID }

const (
	format       = 1 // of the rows that this program writes
	statusSuffix = "-status"
)

// keys makes every key that the store has in etcd.
type keys struct{ prefix string }

func (k keys) spec(r Ref) string   { return k.prefix + string(r.Kind) + "/" + r.ID }
func (k keys) status(r Ref) string { return k.prefix + string(r.Kind) + statusSuffix + "/" + r.ID }

// incarnation holds the id that the cluster got when it was first used.
func (k keys) incarnation() string { return k.prefix + "incarnation" }

// leader is written by every commit: who decides, and which commit was the last.
func (k keys) leader() string { return k.prefix + "leader" }

// probe is never written.
func (k keys) probe(n int) string { return fmt.Sprintf("%sprobe/%d", k.prefix, n) }

// parse is the inverse of spec and status.
func (k keys) parse(key string) (r Ref, status bool, err error) {
	kind, id, ok := strings.Cut(strings.TrimPrefix(key, k.prefix), "/")
	if !ok || id == "" {
		return Ref{}, false, fmt.Errorf("key %s: not a row", key)
	}
	kind, status = strings.CutSuffix(kind, statusSuffix)
	return Ref{Kind(kind), id}, status, nil
}

// encode packs a row. Plain data always marshals; anything else is a mistake of ours.
func encode(row any) []byte {
	b, err := json.Marshal(struct {
		Format int `json:"format"`
		Row    any `json:"row"`
	}{format, row})
	if err != nil {
		panic(fmt.Sprintf("store: encode %T: %v", row, err))
	}
	return b
}

var errFormat = errors.New("of another version of enishi; start that version, " +
	"or restore a copy of the data directory that this version wrote")

// decode unpacks a row. A format, or a field, that this program does not know is
// an error: what is not understood must not be written back without it.
func decode(b []byte, row any) error {
	in := struct {
		Format int `json:"format"`
		Row    any `json:"row"`
	}{Row: row}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	var head struct {
		Format int `json:"format"`
	}
	switch {
	case err == nil && in.Format == format && in.Row != nil:
		return nil
	case json.Unmarshal(b, &head) != nil:
		return fmt.Errorf("damaged: %w; restore the data directory from a copy", err)
	case head.Format != format:
		return fmt.Errorf("format %d %w", head.Format, errFormat)
	case err == nil:
		return errors.New("damaged: no row in it; restore the data directory from a copy")
	}
	return fmt.Errorf("%w: it is %w", err, errFormat)
}
