// SPDX-License-Identifier: Apache-2.0

// Package cmd_test holds the rules that no compiler checks: which room may
// import which, and that every package and file says what it is.
package cmd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "enishi.dev/enishi/"

// mayImport reads the table of rooms in docs/ARCHITECTURE.md: room -> rooms it may import.
func mayImport(t *testing.T) map[string][]string {
	t.Helper()
	doc, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string][]string{}
	inTable := false
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case len(cells) != 5:
			inTable = false
		case strings.TrimSpace(cells[1]) == "room":
			inTable = true
		case inTable && !strings.HasPrefix(cells[1], "---"):
			rooms[strings.TrimSpace(cells[1])] = strings.FieldsFunc(cells[3], func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	if len(rooms) < 10 {
		t.Fatalf("docs/ARCHITECTURE.md: the table of rooms has %d rows", len(rooms))
	}
	return rooms
}

func TestNoRoomImportsWhatItMustNot(t *testing.T) {
	rooms := mayImport(t)
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkgs := strings.Fields(line)
		room, _, _ := strings.Cut(strings.TrimPrefix(pkgs[0], module), "/")
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s: the room %s is not in the table of docs/ARCHITECTURE.md", pkgs[0], room)
		}
		for _, p := range pkgs[1:] {
			rest, ours := strings.CutPrefix(p, module)
			dep, _, _ := strings.Cut(rest, "/")
			if ours && dep != room && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s: %s/ may import only %v", pkgs[0], p, room, allowed)
			}
		}
	}
}

// Every process of enishi but control starts without it: see docs/ARCHITECTURE.md.
func TestTheCommandCarriesNoDatabase(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"cmd/enishi").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.Lines(string(out)) {
		if strings.HasPrefix(path, "go.etcd.io/") || strings.HasPrefix(path, "google.golang.org/") {
			t.Errorf("cmd/enishi imports, by way of others, %s", strings.TrimSpace(path))
		}
	}
}

func TestEveryPackageSaysOnceWhatItKnows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if doc == "" && !strings.HasSuffix(path, "/cmd") { // cmd holds only these tests
			t.Errorf("%s has no package comment", path)
		}
	}
}

func TestEveryFileNamesItsLicence(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "..").Output()
	if err != nil {
		t.Skip("no git here: ", err)
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSpace(name)
		ext := filepath.Ext(name)
		if !slices.Contains([]string{".go", ".c", ".h"}, ext) || strings.HasPrefix(filepath.Base(name), "zz_") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			continue // deleted, not yet committed
		}
		first, _, _ := bytes.Cut(b, []byte("\n"))
		if !bytes.Contains(first, []byte("SPDX-License-Identifier:")) {
			t.Errorf("%s does not begin with its SPDX line", name)
		}
	}
}

func TestNoInitAndNoUtil(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "../*.go").Output()
	if err != nil {
		t.Skip("no git here: ", err)
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSpace(name)
		b, err := os.ReadFile(name)
		if err != nil || strings.HasPrefix(filepath.Base(name), "zz_") {
			continue
		}
		if bytes.Contains(b, []byte("\nfunc init()")) {
			t.Errorf("%s has func init(): say when it happens instead", name)
		}
		for _, room := range []string{"util", "utils", "common", "types", "helpers", "manager", "core"} {
			if bytes.Contains(b, []byte("\npackage "+room+"\n")) {
				t.Errorf("%s: a package called %s says nothing", name, room)
			}
		}
	}
}
