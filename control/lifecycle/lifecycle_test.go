// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/store"
)

// run has the lifecycle work until stop is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	l := w.l
	go func() { ended <- l.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.t.Errorf("it ended with %v", err)
		}
	}
}

func (w *world) until(want string) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); w.state() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("want %s\ngot  %s", want, w.state())
		}
	}
}

func TestRunMovesWhatIsWantedAndReported(t *testing.T) {
	w := newWorld(t)
	stop := w.run()
	w.l.Live([]string{"a", "b"})
	w.launch("i-1", "a")
	w.runs("a", "i-1", hoststate.InstanceRunning, "")
	w.connect("vpce-1", "eni-1")
	w.ready("a", "vpce-1", 1)
	w.until("vpce-1 available, i-1 running, eni-1, eni-i-1")
	w.delete("vpce-1")
	w.closed("a", "vpce-1")
	w.until("vpce-1 deleting, i-1 running, (eni-1), eni-i-1")
	stop()

	t.Run("another one goes on where it was", func(t *testing.T) {
		w.l = New(w.s, quiet)
		stop := w.run()
		w.l.Live([]string{"a", "b"})
		w.confirm("a", "b")
		w.until("vpce-1 deleted, i-1 running, eni-i-1")
		w.terminate("i-1")
		w.until("vpce-1 deleted, i-1 shutting-down, eni-i-1")
		stop()
	})
	t.Run("also when what hosts say came while there was none", func(t *testing.T) {
		w.l = New(w.s, quiet)
		w.l.Live([]string{"a", "b"})
		w.runs("a", "i-1", hoststate.InstanceStopped, "")
		stop := w.run()
		defer stop()
		w.until("vpce-1 deleted, i-1 shutting-down, (eni-i-1)")
		w.confirm("a", "b")
		w.until("vpce-1 deleted, i-1 terminated")
		w.age(time.Hour + time.Second)
		w.until("")
	})
}

func TestAConsoleIsKeptOfAnInstanceThatIsThere(t *testing.T) {
	w := newWorld(t)
	w.launch("i-1", "a")
	tell := func(host, id, text string) string {
		if err := w.l.Console(t.Context(), hoststate.Console{Host: host, Instance: id, Output: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		i, _ := w.s.View().Instances.Get("i-1")
		return string(i.Status.Console)
	}
	for _, c := range []struct{ host, id, text, want string }{
		{"b", "i-1", "of another host", ""},
		{"a", "i-2", "of none", ""},
		{"a", "i-1", "hello", "hello"},
		{"a", "i-1", "hello again", "hello again"},
	} {
		if got := tell(c.host, c.id, c.text); got != c.want {
			t.Errorf("%+v: %q is kept", c, got)
		}
	}
	w.decide(func(tx *store.Tx) {
		i, _ := tx.Instances.Get("i-1")
		i.Status.Gone = tx.Now()
		tx.Instances.PutStatus(i)
	})
	if got := tell("a", "i-1", "late"); got != "hello again" {
		t.Errorf("of one that is gone: %q", got)
	}
}

func TestReportsInAnyOrderComeToTheSameEnd(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t)
		w.launch("i-1", "a")
		w.launch("i-2", "b")
		w.connect("vpce-1", "eni-1")
		w.connect("vpce-2", "eni-2")
		w.modify("vpce-1", true)
		w.delete("vpce-2")
		said := []hoststate.Report{}
		for _, h := range []string{"a", "b"} {
			agent := hoststate.Report{Host: h, Role: hoststate.RoleAgent, Position: w.position()}
			for generation := range int64(3) {
				agent.Ready = map[string]int64{"vpce-1": generation}
				said = append(said, agent)
			}
			agent.Ready, agent.Instances = nil, map[string]hoststate.InstanceReport{map[string]string{"a": "i-1", "b": "i-2"}[h]: {State: hoststate.InstanceRunning}}
			said = append(said, agent, hoststate.Report{Host: h, Role: hoststate.RoleGateway, Position: w.position(), Closed: []string{"vpce-2"}})
		}
		switch r := rand.New(rand.NewPCG(seed, 0)); seed {
		case 0:
		case 1:
			slices.Reverse(said)
		default: // some twice
			said = append(said, said[:5]...)
			r.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
		}
		stop := w.run()
		w.l.Live([]string{"a", "b"})
		for _, r := range said {
			w.l.Report(r)
		}
		w.until("vpce-1 available, private, vpce-2 deleting, i-1 running, i-2 running, eni-1, (eni-2), eni-i-1, eni-i-2")
		for range 2 {
			w.confirm("b", "a")
		}
		w.until("vpce-1 available, private, vpce-2 deleted, i-1 running, i-2 running, eni-1, eni-i-1, eni-i-2")
		stop()
	}
}
