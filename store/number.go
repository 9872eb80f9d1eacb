// SPDX-License-Identifier: Apache-2.0

package store

import (
	"crypto/rand"
	"encoding/hex"
)

// Number returns the next number of a counter, from 1; each is given out once in
// the life of the cluster. The counters are vni, eni, group and table.
func (tx *Tx) Number(counter string) uint32 {
	n, _ := tx.numbers.Get(counter)
	n.Name = counter
	n.Last++
	tx.numbers.Put(n)
	return n.Last
}

// NewID returns an id that nothing has: prefix, a hyphen and 17 hexadecimal
// digits. They are random, so that an id tells nothing.
func (tx *Tx) NewID(prefix string) string {
	for {
		id := prefix + "-" + randomHex(17)
		if !tx.inUse(prefix, id) {
			return id
		}
	}
}

func (tx *Tx) inUse(prefix, id string) (found bool) {
	switch prefix {
	case "vpc":
		_, found = tx.VPCs.Get(id)
	case "subnet":
		_, found = tx.Subnets.Get(id)
	case "rtb":
		_, found = tx.RouteTables.Get(id)
	case "sg":
		_, found = tx.SecurityGroups.Get(id)
	case "eni":
		_, found = tx.ENIs.Get(id)
	case "vpce":
		_, found = tx.Endpoints.Get(id)
	case "i":
		_, found = tx.Instances.Get(id)
	}
	return found // the others are parts of rows: 68 random bits must do
}

func randomHex(digits int) string {
	b := make([]byte, (digits+1)/2)
	rand.Read(b)
	return hex.EncodeToString(b)[:digits]
}
