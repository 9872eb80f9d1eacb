// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// mostLog is how long a log becomes before it is cut. The run directory is usually in
// memory, and who asks an endpoint adds to a log.
const mostLog = 32 << 20

// boundLogs cuts the logs in the directory that are too long, until ctx ends.
func boundLogs(ctx context.Context, dir string, log *slog.Logger) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		names, _ := fs.Glob(os.DirFS(dir), "*.log") // fails for a bad pattern alone
		for _, name := range names {
			if err := cutLog(filepath.Join(dir, name), mostLog); err != nil {
				log.Error("log not kept", "err", err)
			}
		}
	}
}

// cutLog moves what is in a log that is longer than most to a file beside it, and
// what was there goes. Parts hold the log open to append, and no directory in which
// they could open another: it is copied and cut in place, with the lines of that
// very moment. It is cut even if there is no room for the copy.
func cutLog(path string, most int64) error {
	st, err := os.Stat(path)
	if err != nil || st.Size() <= most {
		return err
	}
	return errors.Join(copyFile(path+".1", path), os.Truncate(path, 0))
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
