// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

// transport answers requests without a network, so that time can be made up.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAControlThatIsSilentIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration // between empty lines
		slow  time.Duration // what applying takes
		want  int32         // connections within a minute
	}{
		"one that is heard every 5 s is followed":           {5 * time.Second, 0, 1},
		"one that is never heard is left after 15 s":        {time.Hour, 0, 4},
		"one is not silent because a batch takes a while":   {5 * time.Second, 40 * time.Second, 1},
		"also not when it is heard just before it would be": {15*time.Second - 1, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var connections, reports atomic.Int32
				client := feed.Client{Host: "h", Role: hoststate.RoleAgent, Log: slog.New(slog.DiscardHandler)}
				client.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPost {
						reports.Add(1)
						return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
					}
					connections.Add(1)
					return &http.Response{StatusCode: http.StatusOK, Body: stream(r.Context(), c.every)}, nil
				})}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					ended <- client.Run(ctx, func(context.Context, feed.Batch) error { time.Sleep(c.slow); return nil })
				}()
				time.Sleep(time.Minute - time.Nanosecond)
				synctest.Wait()
				cancel()
				<-ended
				if connections.Load() != c.want {
					t.Errorf("%d connections in a minute", connections.Load())
				}
				if want := int32((time.Minute - c.slow) / (2 * time.Second)); reports.Load() < want-1 {
					t.Errorf("%d reports in a minute without news, want %d", reports.Load(), want)
				}
			})
		})
	}
}

// stream is a delta, and then an empty line now and then.
func stream(ctx context.Context, every time.Duration) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	go func() {
		err := json.NewEncoder(w).Encode(hoststate.Delta{Position: at(1), Full: true})
		for err == nil {
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
			_, err = w.Write([]byte("\n"))
		}
	}()
	return r
}
