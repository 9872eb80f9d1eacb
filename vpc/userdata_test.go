// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"encoding/json"
	"testing"
)

func TestUserDataIsKeptToTheByte(t *testing.T) {
	for _, s := range []string{"#!/bin/sh\n", "\xff\x00\xfe", "base64:", "日本語"} {
		b, err := json.Marshal(Instance{UserData: UserData(s)})
		if err != nil {
			t.Fatal(err)
		}
		var got Instance
		if err := json.Unmarshal(b, &got); err != nil || string(got.UserData) != s {
			t.Errorf("%q came back as %q, %v", s, got.UserData, err)
		}
	}
	var old Instance
	if err := json.Unmarshal([]byte(`{"userData":"#!/bin/sh\necho"}`), &old); err != nil || string(old.UserData) != "#!/bin/sh\necho" {
		t.Errorf("of an earlier program: %q, %v", old.UserData, err)
	}
	if err := json.Unmarshal([]byte(`{"userData":"base64:!"}`), &old); err == nil {
		t.Error("what is not base64 was read")
	}
}

func TestScriptRunsOnceAndOnlyForWhoeverIsVerified(t *testing.T) {
	script := UserData("#!/bin/sh\n")
	for _, c := range []struct {
		name string
		i    Instance
		runs bool
	}{
		{"a script", Instance{UserData: script}, true},
		{"after it ran", Instance{UserData: script, Status: InstanceStatus{Ran: true}}, false},
		{"no script", Instance{UserData: UserData("#cloud-config")}, false},
		{"launched by nobody knows whom", Instance{UserData: script, DataOnly: true}, false},
	} {
		if got := c.i.Script() != nil; got != c.runs {
			t.Errorf("%s: runs is %t", c.name, got)
		}
	}
}
