// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// UserData is what an instance was launched with for itself: any bytes.
type UserData []byte

// encoded marks user data in JSON that is not text as it stands there: earlier
// programs wrote only such.
const encoded = "base64:"

// MarshalJSON writes bytes of any kind.
func (u UserData) MarshalJSON() ([]byte, error) {
	return json.Marshal(encoded + base64.StdEncoding.EncodeToString(u))
}

// UnmarshalJSON reads what MarshalJSON writes, and text without the mark.
func (u *UserData) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	coded, ok := strings.CutPrefix(s, encoded)
	if !ok {
		*u = UserData(s)
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return fmt.Errorf("user data: %w", err)
	}
	*u = raw
	return nil
}

// Script is what its host runs when the instance is there for the first time:
// its user data, if that is a script and whoever launched it was verified.
func (i Instance) Script() []byte {
	if i.DataOnly || i.Status.Ran || !bytes.HasPrefix(i.UserData, []byte("#!")) {
		return nil
	}
	return i.UserData
}
