// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"slices"
	"strings"

	"enishi.dev/enishi/hoststate"
)

const (
	tokenPath = "latest/api/token"
	userData  = "user-data"
)

// versions of the service, oldest first; all say the same.
var versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04",
	"2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
	"2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03", "2021-03-23", "2021-07-15", "2022-09-24",
	"2024-04-11", "latest",
}

const maxPath = 1024

// parsePath returns the path without slashes at its ends and without double ones,
// "" for the root. One with dots for names, or too long, is none.
func parsePath(p string) (path string, ok bool) {
	if len(p) > maxPath || !strings.HasPrefix(p, "/") {
		return "", false
	}
	var names []string
	for name := range strings.SplitSeq(p, "/") {
		switch name {
		case "":
		case ".", "..":
			return "", false
		default:
			names = append(names, name)
		}
	}
	return strings.Join(names, "/"), true
}

// cutVersion takes the version off a path.
func cutVersion(path string) (rest string, ok bool) {
	version, rest, _ := strings.Cut(path, "/")
	return rest, slices.Contains(versions, version)
}

// read returns the text at the path, or the list of what is below it.
func read(m *hoststate.Metadata, path string) (text string, ok bool) {
	if path == "" {
		return strings.Join(versions, "\n"), true
	}
	path, ok = cutVersion(path)
	switch {
	case !ok:
		return "", false
	case path == "":
		return top(m), true
	}
	if text, ok := m.Files[path]; ok {
		return text, true
	}
	names := list(m.Files, path+"/")
	return strings.Join(names, "\n"), len(names) > 0
}

// top lists what a version has.
func top(m *hoststate.Metadata) string {
	names := list(m.Files, "")
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, "/")
	}
	if len(m.UserData) > 0 {
		names = append(names, userData)
	}
	return strings.Join(names, "\n")
}

// list are the names in a directory, sorted; those of directories end with a slash.
func list(files map[string]string, dir string) (names []string) {
	for path := range files {
		rest, below := strings.CutPrefix(path, dir)
		if !below {
			continue
		}
		if name, _, more := strings.Cut(rest, "/"); more {
			rest = name + "/"
		}
		names = append(names, rest)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
