// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"io"
	"testing"
	"time"
)

func TestADeltaIsBounded(t *testing.T) {
	r := &reader{r: zeros{}, watchdog: time.NewTimer(time.Hour), left: 100}
	n, err := io.ReadFull(r, make([]byte, 200))
	if err == nil || n > 200 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return min(len(p), 60), nil }
