// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"strings"

	"github.com/miekg/dns"
)

// A key of the records' tree is
//
//	network 0 {label 0} 1 {label 0}
//
// with the labels of the zone, then those of the name, last label first. So one
// prefix holds a zone, one what is at or under a name within it. Labels are in
// presentation form, where a byte below a space is never itself.
const (
	endLabel = 0
	endZone  = 1
)

type key struct {
	buf []byte
	// ends holds where each label of the last name added ends, in buf; ends[0] is
	// where the name begins.
	ends []int
}

// keyBuffer is room for usual keys; a longer one moves out of it.
type keyBuffer struct {
	bytes [192]byte
	ends  [12]int
}

// newKey begins a key of network.
func (b *keyBuffer) newKey(network string) key {
	k := key{buf: append(b.bytes[:0], network...), ends: b.ends[:0]}
	k.buf = append(k.buf, endLabel)
	return k
}

// add appends the labels of name, last first.
func (k *key) add(name string) {
	k.ends = append(k.ends[:0], len(k.buf))
	for end := len(name); end > 0; {
		start := labelStart(name[:end])
		k.buf = append(append(k.buf, name[start:end]...), endLabel)
		k.ends = append(k.ends, len(k.buf))
		end = start - 1
	}
}

// labelStart returns where the last label of name starts. A dot after an odd
// number of backslashes is part of a label.
func labelStart(name string) int {
	for i := len(name); i > 0; {
		i = strings.LastIndexByte(name[:i], '.')
		if i < 0 {
			return 0
		}
		slashes := 0
		for j := i - 1; j >= 0 && name[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return 0
}

// recordKey is the key of a name in a zone; zone "" is for what hides nothing.
func recordKey(network, zone, name string) []byte {
	var b keyBuffer
	k := b.newKey(network)
	k.add(zone)
	k.buf = append(k.buf, endZone)
	k.add(name)
	return bytes.Clone(k.buf)
}

// canonical returns a question's name as units have it: lower case, no final dot.
func canonical(name string) string {
	return strings.TrimSuffix(dns.CanonicalName(name), ".")
}
