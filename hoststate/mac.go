// SPDX-License-Identifier: Apache-2.0

package hoststate

import (
	"fmt"
	"net"
)

// MAC is a hardware address, in text as 02:00:00:00:00:01.
type MAC [6]byte

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(b []byte) error {
	hw, err := net.ParseMAC(string(b))
	if err != nil || len(hw) != len(m) {
		return fmt.Errorf("hardware address %q is not six bytes", b)
	}
	copy(m[:], hw)
	return nil
}
