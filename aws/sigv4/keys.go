// SPDX-License-Identifier: Apache-2.0

package sigv4

import "sync"

// Keys remembers derived keys: a client signs with the same one all day, and to
// derive it takes half as long as to verify with it. The zero value is ready.
type Keys struct {
	mu      sync.Mutex
	derived map[scope]Key
}

type scope struct{ secret, date, region, service string }

// mostKeys bounds what requests with made-up scopes take; then all is forgotten.
const mostKeys = 1024

func (k *Keys) derive(s scope) Key {
	k.mu.Lock()
	key, ok := k.derived[s]
	k.mu.Unlock()
	if ok {
		return key
	}
	key = DeriveKey(s.secret, s.date, s.region, s.service)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.derived == nil || len(k.derived) >= mostKeys {
		k.derived = make(map[scope]Key)
	}
	k.derived[s] = key
	return key
}
