// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// grown returns a data directory that has been used.
func grown(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), strings.Repeat("long", 50)) // no path is too long: there are no sockets
	e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, e.Options())
	stop := run(t, s)
	for range 200 {
		decide(t, s, func(tx *Tx) { tx.Secrets.Put(Secret{Name: fmt.Sprint(tx.Number("n")), Data: make([]byte, 5000)}) })
	}
	_ = stop()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAServerAloneLeadsBeforeAnElectionTimeout(t *testing.T) {
	const tick = 10 * time.Second // an election timeout is one to five of them
	dir := t.TempDir()
	for _, what := range []string{"new", "started again"} {
		ctx, cancel := context.WithTimeout(t.Context(), tick)
		e, err := StartEmbedded(ctx, dir, quiet, EmbedOptions{UnsafeNoFsync: true, tick: tick})
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := e.Close(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func TestADataDirectoryThatCannotBeUsedIsOneClearError(t *testing.T) {
	find := func(t *testing.T, dir, pattern string) string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "etcd", "member", pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, names, err)
		}
		return names[0]
	}
	overwrite := func(t *testing.T, file string, at int64, b []byte) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	garbage := []byte(strings.Repeat("garbage!", 4096))
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{"it is in use", func(t *testing.T, dir string) {
			e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
		}, fmt.Sprintf("in use by another enishi (pid %d)", os.Getpid())},
		{"its database is garbage", func(t *testing.T, dir string) {
			overwrite(t, find(t, dir, "snap/db"), 0, garbage)
		}, ": it is damaged; restore a copy of the directory"},
		{"its database is cut off", func(t *testing.T, dir string) {
			if err := os.Truncate(find(t, dir, "snap/db"), 100); err != nil {
				t.Fatal(err)
			}
		}, ": it is damaged; restore a copy of the directory"},
		{"its database is cut in half", func(t *testing.T, dir string) {
			db := find(t, dir, "snap/db")
			st, err := os.Stat(db)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(db, st.Size()/2); err != nil {
				t.Fatal(err)
			}
		}, ": it is damaged; restore a copy of the directory"},
		{"its database is garbage but for its head", func(t *testing.T, dir string) {
			for at := range int64(20) {
				overwrite(t, find(t, dir, "snap/db"), 2*4096+at*int64(len(garbage)), garbage)
			}
		}, ": it is damaged; restore a copy of the directory"},
		{"its log is garbage", func(t *testing.T, dir string) {
			overwrite(t, find(t, dir, "wal/*.wal"), 4096, garbage)
		}, "; if the directory is damaged, restore a copy of it"},
		{"its log is empty", func(t *testing.T, dir string) {
			if err := os.Truncate(find(t, dir, "wal/*.wal"), 0); err != nil {
				t.Fatal(err)
			}
		}, "; if the directory is damaged, restore a copy of it"},
		{"its log is gone", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "etcd", "member", "wal")); err != nil {
				t.Fatal(err)
			}
		}, "etcd/member/wal/*.wal are gone: it is damaged"},
		{"its database is gone", func(t *testing.T, dir string) {
			if err := os.Remove(find(t, dir, "snap/db")); err != nil {
				t.Fatal(err)
			}
		}, "no such file or directory: it is damaged; restore"},
		{"it is a file", func(t *testing.T, dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := grown(t)
			c.damage(t, dir)
			e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{})
			if err == nil {
				_ = e.Close()
				t.Fatal("no error")
			}
			t.Log(err)
			if !strings.HasPrefix(err.Error(), "data directory") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAFirstStartThatWasCutShortIsNoDamage(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, file string)
	}{
		{"the database is empty", func(t *testing.T, file string) {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"the database is new", func(t *testing.T, file string) {
			db, err := bolt.Open(file, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, database)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			c.make(t, file)
			e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{UnsafeNoFsync: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// smallDisk mounts a file system of a size.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a small file system")
	}
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("needs to mount a small file system: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskIsOneClearError(t *testing.T) {
	dir := smallDisk(t, "64m")
	_, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{})
	if err == nil || err.Error() != "data directory "+dir+": the disk is full: 63 MiB are free, 128 needed" {
		t.Errorf("got %v", err)
	}
}

func TestADiskThatFillsUpRefusesUntilThereIsSpace(t *testing.T) {
	dir := smallDisk(t, "300m")
	e, err := StartEmbedded(t.Context(), filepath.Join(dir, "data"), quiet, EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s := mustOpen(t, e.Options())
	run(t, s)
	decide(t, s, func(tx *Tx) { _ = put("vpc-1")(tx) })
	fill, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	fillUp(t, fill, 8<<20)
	// What etcd has not yet written to its database when there is nothing left.
	if _, err := e.Client().Put(t.Context(), "beside", strings.Repeat("x", 4<<20)); err != nil {
		t.Fatal(err)
	}
	fillUp(t, fill, 0)
	time.Sleep(300 * time.Millisecond) // it does so a tenth of a second later
	if err := s.Decide(t.Context(), put("vpc-2")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
	if got := vpcIDs(s.View()); got != "vpc-1" {
		t.Errorf("readers see %s", got)
	}
	if err := fill.Truncate(0); err != nil {
		t.Fatal(err)
	}
	decide(t, s, func(tx *Tx) { _ = put("vpc-3")(tx) })
	if got := vpcIDs(s.View()); got != "vpc-1 vpc-3" {
		t.Errorf("readers see %s", got)
	}
}

// fillUp makes the file so large that its disk has no more than left bytes free.
func fillUp(t *testing.T, file *os.File, left int64) {
	t.Helper()
	for range 100 {
		var disk unix.Statfs_t
		var st unix.Stat_t
		if err := errors.Join(unix.Fstatfs(int(file.Fd()), &disk), unix.Fstat(int(file.Fd()), &st)); err != nil {
			t.Fatal(err)
		}
		more := int64(disk.Bavail)*disk.Bsize - left
		if more <= 0 {
			return
		}
		_ = unix.Fallocate(int(file.Fd()), 0, st.Size, more) // etcd may have been quicker
	}
	t.Fatal("the disk does not fill up")
}

func TestALogThatHasFailedEndsTheStore(t *testing.T) {
	dir := t.TempDir()
	e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, e.Options())
	stop := run(t, s)
	e.failed.set(errors.New("disk on fire"))
	if err := s.Decide(t.Context(), put("vpc-1")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Decide: %v", err)
	}
	if err := stop(); !errors.Is(err, ErrLogFailed) || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("Run: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{}); err == nil {
		t.Error("the directory is not locked, though its server may still write")
	}
	e.etcd.Close() // in truth it has not failed
}

func TestALogThatHasFailedOnAFullDiskEndsTheStoreOnceThereIsSpace(t *testing.T) {
	dir := t.TempDir()
	e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.etcd.Close() // in truth it has not failed
	s := mustOpen(t, e.Options())
	stop := run(t, s)
	decide(t, s, func(tx *Tx) { _ = put("vpc-1")(tx) })
	e.dir = "/proc" // where there never is any
	e.failed.set(errors.New("no space"))
	for range 3 {
		if err := s.Decide(t.Context(), put("vpc-2")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no space, and the disk is full") {
			t.Errorf("Decide: %v", err)
		}
	}
	if got := vpcIDs(s.View()); got != "vpc-1" {
		t.Errorf("readers see %s", got)
	}
	e.dir = dir
	if err := s.Decide(t.Context(), put("vpc-2")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Decide: %v", err)
	}
	if err := stop(); !errors.Is(err, ErrLogFailed) {
		t.Errorf("Run: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestManyEmbeddedServersSideBySide(t *testing.T) {
	for range 4 {
		e, err := StartEmbedded(t.Context(), t.TempDir(), quiet, EmbedOptions{UnsafeNoFsync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if n := len(e.etcd.Clients) + len(e.etcd.Peers); n > 0 {
			t.Errorf("it listens at %d places", n)
		}
		s := mustOpen(t, e.Options())
		run(t, s)
		decide(t, s, func(tx *Tx) {
			if n := tx.Number("vni"); n != 1 {
				t.Errorf("another server's number: %d", n)
			}
		})
	}
}
