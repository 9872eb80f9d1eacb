// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// errDamaged says what to do about files that cannot be read.
var errDamaged = errors.New("it is damaged; restore a copy of the directory")

// checkFiles reads etcd's database through before etcd does, which ends the
// process, or waits for ever, over some damage. Nothing else may have it open.
func checkFiles(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, logFiles))
	if err != nil {
		return err
	}
	st, err := os.Stat(filepath.Join(dir, database))
	switch {
	case errors.Is(err, os.ErrNotExist) && len(logs) == 0:
		return nil // etcd has not been here
	case err != nil:
		return fmt.Errorf("%w: %w", err, errDamaged)
	case st.Size() == 0 && len(logs) == 0:
		return nil // and did not get any further
	}
	applied, err := readThrough(filepath.Join(dir, database))
	if err == nil && applied && len(logs) == 0 {
		return fmt.Errorf("%s are gone: %w", logFiles, errDamaged)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", database, err, errDamaged)
	}
	return nil
}

// Where etcd has its files in a data directory.
const (
	etcdDir  = "etcd"
	database = etcdDir + "/member/snap/db"
	logFiles = etcdDir + "/member/wal/*.wal"
)

// readThrough visits every page that is in use. It reports whether anything of
// the log has ever been applied to the database.
func readThrough(file string) (applied bool, err error) {
	// A page that lies outside the file is a fault of memory; here it is a panic.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	// Read-only, bbolt does not look for free pages, in goroutines of its own.
	db, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if meta := tx.Bucket([]byte("meta")); meta != nil {
			applied = len(bytes.Trim(meta.Get([]byte("consistent_index")), "\x00")) > 0
		}
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error { return nil })
		})
	})
	return applied, err
}

// reserve is kept free: etcd does not survive a write that finds no space, and
// may take this much at once (a segment of its log, growth of its database).
const reserve = 128 << 20

// fillHoles gives the database room for all of its size. It grows by megabytes that
// have none, and is written a tenth of a second after a decision: by then a disk that
// had room may be full, and etcd does not survive that.
func fillHoles(dir string) error {
	path := filepath.Join(dir, database)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if st.Blocks*512 >= st.Size {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer f.Close()
	err = unix.Fallocate(int(f.Fd()), 0, 0, st.Size)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // some file systems cannot; they take the risk
		return fmt.Errorf("room for the database: %w", err)
	}
	return nil
}

// checkSpace reports whether etcd may write.
func checkSpace(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("free space: %w", err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < reserve {
		return fmt.Errorf("the disk is full: %d MiB are free, %d needed", free>>20, reserve>>20)
	}
	return nil
}
