// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// failure is what etcd gave up with. Its log is where it says so, before it would
// end the process; here only the goroutine ends.
type failure struct {
	log  *slog.Logger
	once sync.Once
	err  error         // set when done is closed
	done chan struct{} // closed at the first failure
}

func newFailure(log *slog.Logger) *failure {
	return &failure{log: log, done: make(chan struct{})}
}

// logger is silent: etcd says much and warns of what is no concern of a single
// member. What it cannot go on after is a failure.
func (f *failure) logger() *zap.Logger {
	return zap.New(zapcore.NewNopCore(), zap.WithFatalHook(f), zap.WithPanicHook(f))
}

// OnWrite implements zapcore.CheckWriteHook.
func (f *failure) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(e.Message)
	for _, field := range fields {
		if cause, ok := field.Interface.(error); ok {
			err = fmt.Errorf("%s: %w", e.Message, cause)
		}
	}
	f.set(err)
	runtime.Goexit()
}

func (f *failure) set(err error) {
	f.once.Do(func() {
		f.err = fmt.Errorf("etcd: %w", err)
		f.log.Error("the log of the store has failed; restart to write again", "err", f.err)
		close(f.done)
	})
}
