// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
)

func TestBodies(t *testing.T) {
	caller := func(n int) source { return source{"vpc-a", netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})} }
	a, b := caller(1), caller(2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	may := func(all *bodies, s source, size int64) bool { return all.take(gone, s, size, time.Hour) }
	// full is held by others as far as it may be.
	full := func(t *testing.T) *bodies {
		var all bodies
		for n := range maxHeld / maxHeldPerSource {
			if !may(&all, caller(100+n), maxHeldPerSource) {
				t.Fatal("it is full too early")
			}
		}
		return &all
	}

	t.Run("a source holds no more than its share, and takes from nobody else's", func(t *testing.T) {
		var all bodies
		if !may(&all, a, maxHeldPerSource) || may(&all, a, 1) {
			t.Error("it is not its share")
		}
		if !may(&all, b, maxBody) {
			t.Error("another cannot have its own")
		}
	})
	t.Run("where all is held there is room for a form of each, and for no more", func(t *testing.T) {
		all := full(t)
		if !may(all, a, ownLittle) || may(all, a, 1) || may(all, b, ownLittle+1) {
			t.Error("it is not the form alone")
		}
	})
	t.Run("who has waited longest is next", func(t *testing.T) {
		var all bodies
		may(&all, a, maxHeldPerSource)
		first, second := &room{maxBody, make(chan struct{})}, &room{1, make(chan struct{})}
		all.waiting = map[source][]*room{a: {first, second}}
		all.free(a, maxBody-1)
		if len(all.waiting[a]) != 2 {
			t.Error("there is room for the second alone, and somebody has it")
		}
		all.free(a, 1)
		<-first.there
		if len(all.waiting[a]) != 1 {
			t.Error("the second has more than there is")
		}
	})
	t.Run("what one source gives back another can have", func(t *testing.T) {
		all := full(t)
		waits := &room{maxBody, make(chan struct{})}
		all.waiting = map[source][]*room{a: {waits}}
		all.free(caller(100), maxBody)
		<-waits.there
	})
	t.Run("behind one who gives up the others go on", func(t *testing.T) {
		var all bodies
		may(&all, a, maxHeldPerSource-1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() { ended <- all.take(ctx, a, 2, time.Hour) }()
		second := &room{1, make(chan struct{})}
		for waiting := 0; waiting == 0; {
			all.mu.Lock()
			if waiting = len(all.waiting[a]); waiting > 0 {
				all.waiting[a] = append(all.waiting[a], second)
			}
			all.mu.Unlock()
		}
		cancel()
		if <-ended {
			t.Error("it has room that is not there")
		}
		<-second.there
	})
	t.Run("nothing is kept of what was given back", func(t *testing.T) {
		var all bodies
		may(&all, a, maxBody)
		may(&all, a, maxHeldPerSource)
		all.free(a, maxBody)
		if all.total != 0 || len(all.held) != 0 || len(all.waiting) != 0 {
			t.Errorf("%d bytes, %d sources, %d that wait", all.total, len(all.held), len(all.waiting))
		}
	})
}

func TestBodiesThatFindNoRoom(t *testing.T) {
	w := newWorldWith(t, patience{head: 10 * time.Second, idle: 10 * time.Second, body: 50 * time.Millisecond})
	w.port = w.network("vpc-a")
	sts := w.endpoint("vpce-sts", "sts", "127.0.1.51", "sts.ap-northeast-1.amazonaws.com")
	w.apply(&hoststate.Network{ID: "vpc-a", VNI: 7}, w.endpoint("vpce-1", "ec2", "127.0.1.50", ec2Name), sts)
	ask := func(t *testing.T, from, to, name, want string) {
		t.Helper()
		_, _, body, err := post(w, w.client(from, w.at(to)), "https://"+name+"/", "", describe)
		if err != nil || !strings.Contains(body, want) {
			t.Errorf("want %s, got %s, %v", want, body, err)
		}
	}
	hostile := source{"vpc-a", netip.MustParseAddr("127.0.0.10")}
	w.gateway.bodies.take(t.Context(), hostile, maxHeldPerSource, 0)
	t.Run("they are refused after a while, as the service says it", func(t *testing.T) {
		ask(t, "127.0.0.10", "127.0.1.50", ec2Name, "<Code>Unavailable</Code>")
		ask(t, "127.0.0.10", "127.0.1.51", sts.Names[0], "<Code>ServiceUnavailable</Code>")
	})
	t.Run("others get their answers", func(t *testing.T) {
		ask(t, "127.0.0.11", "127.0.1.50", ec2Name, "<answer>")
	})
	t.Run("what has no body needs none", func(t *testing.T) {
		resp, err := w.client("127.0.0.10", w.at("127.0.1.50")).Get("https://" + ec2Name + "/?" + describe)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	})
	w.gateway.bodies.free(hostile, maxHeldPerSource)
	t.Run("with room again they are answered", func(t *testing.T) {
		ask(t, "127.0.0.10", "127.0.1.50", ec2Name, "<answer>")
	})
	t.Run("what they held is free again", func(t *testing.T) {
		w.gateway.bodies.mu.Lock()
		defer w.gateway.bodies.mu.Unlock()
		if n := w.gateway.bodies.total; n != 0 {
			t.Error(n)
		}
	})
}

func TestABodyThatDoesNotComeIsHeldForAsLongAsItMayTake(t *testing.T) {
	w, _ := withEndpoint(t)
	held := func(want int64) {
		t.Helper()
		w.eventually("it is counted", func() error {
			w.gateway.bodies.mu.Lock()
			defer w.gateway.bodies.mu.Unlock()
			if n := w.gateway.bodies.total; n != want {
				return fmt.Errorf("%d bytes are held, want %d", n, want)
			}
			return nil
		})
	}
	half := w.raw("127.0.1.50")
	fmt.Fprintf(half, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nabc", maxBody)
	held(maxBody)
	unknown := w.raw("127.0.1.50")
	fmt.Fprint(unknown, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
	held(2 * maxBody)
	half.Close()
	unknown.Close()
	held(0)
}
