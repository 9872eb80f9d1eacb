// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Position says how far a host has come: a revision within one life of the
// cluster. Positions of different incarnations cannot be compared.
type Position struct {
	Incarnation string `json:"incarnation"`
	Revision    int64  `json:"revision"`
}

// Delta is one step of the feed: after it, the host holds exactly what control
// wants of it at Position. With Full, what is not in Set is gone.
type Delta struct {
	Position Position   `json:"position"`
	Full     bool       `json:"full,omitempty"`
	Set      []Envelope `json:"set,omitempty"`
	Gone     []Key      `json:"gone,omitempty"`
}

// Envelope carries a unit with its kind. Unit is decoded by [Envelope.Open], so
// that one unit that is not understood does not take the others with it.
type Envelope struct {
	Key  Key             `json:"key"`
	Unit json.RawMessage `json:"unit"`
}

// Seal packs u.
func Seal(u Unit) Envelope {
	b, err := json.Marshal(u)
	if err != nil {
		panic(fmt.Sprintf("hoststate: %s: %v", u.Key(), err)) // plain data always marshals
	}
	return Envelope{Key: u.Key(), Unit: b}
}

// Open unpacks the unit. A kind or field that this program does not know is an
// error: half-understood wishes are not carried out.
func (e Envelope) Open() (Unit, error) {
	u := New(e.Key.Kind)
	if u == nil {
		return nil, fmt.Errorf("unit %s: kind not known", e.Key)
	}
	d := json.NewDecoder(bytes.NewReader(e.Unit))
	d.DisallowUnknownFields()
	if err := d.Decode(u); err != nil {
		return nil, fmt.Errorf("unit %s: %w", e.Key, err)
	}
	if u.Key() != e.Key {
		return nil, fmt.Errorf("unit %s: holds %s", e.Key, u.Key())
	}
	return u, nil
}

// Role says which process of a host speaks.
type Role string

// The roles.
const (
	RoleAgent   Role = "agent"
	RoleGateway Role = "gateway"
)

// InstanceState is what a host observed of an instance.
type InstanceState string

// The states of an instance on its host.
const (
	InstanceRunning InstanceState = "running"
	InstanceStopped InstanceState = "stopped" // its processes have ended; its namespace is gone
	InstanceFailed  InstanceState = "failed"
)

// Report is what a host tells control: what changed since the report before it,
// or everything when Full.
type Report struct {
	Host     string   `json:"host"`
	Role     Role     `json:"role"`
	Position Position `json:"position"` // every unit up to here holds, but for Refused
	Full     bool     `json:"full,omitempty"`
	// Refused holds the units that could not be made true, with the reason; an
	// empty reason takes an earlier one back.
	Refused map[string]string `json:"refused,omitempty"`
	// Ready holds the endpoints whose every name was reached by the probe, with the
	// Generation of the unit that was probed (agent).
	Ready map[string]int64 `json:"ready,omitempty"`
	// Closed lists the endpoints with Closing whose connections have all been reset (gateway).
	Closed    []string                  `json:"closed,omitempty"`
	Instances map[string]InstanceReport `json:"instances,omitempty"`
}

// MaxConsole is how much of an instance's console is kept: the last bytes of it.
const MaxConsole = 64 << 10

// Console is what the script of an instance has written so far.
type Console struct {
	Host     string `json:"host"`
	Instance string `json:"instance"`
	Output   []byte `json:"output"`
}

// InstanceReport is one instance as its host sees it.
type InstanceReport struct {
	State  InstanceState `json:"state"`
	Reason string        `json:"reason,omitempty"`
	// Boots is that of the unit which this is about: what was said of an earlier
	// boot says nothing of what is wanted now.
	Boots int64 `json:"boots,omitempty"`
}
