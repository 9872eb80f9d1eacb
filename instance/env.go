// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ is what a command of this instance finds in its environment, made from
// nothing: the instance's own, and what the caller gave, which wins.
func (s Spec) environ(given []string) []string {
	env := map[string]string{
		"PATH": defaultPath, "HOME": "/", "TERM": "dumb", "LANG": "C.UTF-8",
		"AWS_REGION": s.Region, "AWS_DEFAULT_REGION": s.Region,
		"AWS_CA_BUNDLE": bundlePath, "SSL_CERT_FILE": bundlePath, "REQUESTS_CA_BUNDLE": bundlePath, "NODE_EXTRA_CA_CERTS": bundlePath,
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
	for _, kv := range given {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			env[k] = v
		}
	}
	list := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}

// lookPath finds the command as a shell would, with the PATH it will run with.
// One that is nowhere is [fs.ErrNotExist].
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // execve says what is wrong with it
	}
	for _, kv := range env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			path := filepath.Join(dir, name)
			if st, err := os.Stat(path); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", notFound(name)
}

// notFound is the name of a command that is nowhere.
type notFound string

func (n notFound) Error() string        { return string(n) + ": command not found" }
func (n notFound) Is(target error) bool { return target == fs.ErrNotExist }
