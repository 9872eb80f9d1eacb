// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra/doc"
)

// update writes zz_man.txtar anew.
var update = flag.Bool("update", false, "write the manual pages anew")

func TestTheManualIsWhatHelpSays(t *testing.T) {
	root := newRoot(world{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	root.InitDefaultHelpCmd()
	root.DisableAutoGenTag = true
	var never time.Time
	header := &doc.GenManHeader{Section: "1", Date: &never, Source: "enishi " + manualVersion, Manual: "Enishi"}
	dir := t.TempDir()
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	archive := &txtar.Archive{Comment: []byte("Made by TestTheManualIsWhatHelpSays. DO NOT EDIT.\n\n")}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte(`"`+never.Format("Jan 2006")+`"`), []byte(`""`), 1) // the same pages on every day
		archive.Files = append(archive.Files, txtar.File{Name: filepath.Base(path), Data: text})
	}
	want := txtar.Format(archive)
	if *update {
		if err := os.WriteFile("zz_man.txtar", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(manualPages, want) {
		t.Error("the manual pages are not current: go test ./cmd/enishi -run Manual -update")
	}
}
