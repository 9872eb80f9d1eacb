// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Check says what this machine lacks for instances to have files of their own.
func Check() error {
	for _, o := range own {
		if o.optional || o.over == bundlePath {
			continue
		}
		if _, err := os.Lstat(o.over); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is missing, so that no instance can have its own: make one (touch %s)", o.over, o.over)
		}
	}
	return nil
}
