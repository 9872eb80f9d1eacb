// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"enishi.dev/enishi/aws/awserr"
	awsclient "enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/sigv4"
	wire "enishi.dev/enishi/aws/wire/ec2"
)

// A tag of a resource is a register: CreateTags writes it, DescribeTags reads it.
type registerCall struct {
	resource string
	write    string // "" reads
}

// register is what one tag of each resource must look like to all callers: every
// call takes effect at one moment between its beginning and its answer.
var register = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		of := map[string][]porcupine.Operation{}
		for _, op := range all {
			r := op.Input.(registerCall).resource
			of[r] = append(of[r], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range of {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if w := input.(registerCall).write; w != "" {
			return true, w
		}
		return output.(string) == state.(string), state
	},
	Equal: func(a, b any) bool { return a == b },
}

// linearizable writes and reads a tag of the resources, whose ids are in the files, from several callers
// at once, while control is killed again and again, or its disk is slow for a
// while, and looks whether what they saw fits one order.
func linearizable(ts *testscript.TestScript, _ bool, args []string) {
	disturb, files := map[string]func(*testscript.TestScript) bool{"killed": killControl, "slow": slowControl}[args[0]], args[1:]
	var resources []string
	for _, f := range files {
		resources = append(resources, strings.TrimSpace(ts.ReadFile(strings.TrimPrefix(f, "@"))))
	}
	c, err := (&app{runDir: ts.Getenv("ENISHI_RUN_DIR")}).readClient()
	ts.Check(err)
	const callers = 6
	span := map[string]time.Duration{"killed": 8 * time.Second, "slow": 24 * time.Second}[args[0]]
	end := time.Now().Add(span)
	var mu sync.Mutex
	var history []porcupine.Operation
	begun, unknown := time.Now(), 0
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			h, err := awsclient.Trusting(c.CABundle)
			if err != nil {
				return
			}
			defer h.CloseIdleConnections()
			for n := 0; time.Now().Before(end); n++ {
				in := registerCall{resource: resources[rand.IntN(len(resources))]}
				if rand.IntN(2) == 0 {
					in.write = fmt.Sprintf("%d-%d", caller, n)
				}
				op := porcupine.Operation{ClientId: caller, Input: in, Call: int64(time.Since(begun))}
				out, err := in.do(c, h)
				op.Output, op.Return = out, int64(time.Since(begun))
				mu.Lock()
				switch {
				case err == nil:
					history = append(history, op)
				case in.write != "" && !refused(err): // it may come true later, or never
					unknown++
					op.Return = math.MaxInt64
					history = append(history, op)
				}
				mu.Unlock()
				time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			}
		})
	}
	disturbed := 0
	for time.Now().Before(end) {
		if disturb(ts) {
			disturbed++
		}
	}
	all.Wait()
	ts.Logf("%d calls, %d of them without an answer, %d times %s", len(history), unknown, disturbed, args[0])
	if len(history) < 100 || disturbed < 3 {
		ts.Fatalf("that tells little")
	}
	if got := porcupine.CheckOperationsTimeout(register, history, time.Minute); got != porcupine.Ok {
		ts.Fatalf("the answers fit no order: %s", got)
	}
}

// killControl kills control after a while.
func killControl(ts *testscript.TestScript) bool {
	time.Sleep(time.Duration(300+rand.IntN(1200)) * time.Millisecond)
	pid := partNamed(ts.Getenv("ENISHI_RUN_DIR"), "control")
	return pid != 0 && unix.Kill(pid, unix.SIGKILL) == nil
}

// slowControl gives control a disk that is too slow for it, after a while and for one.
func slowControl(ts *testscript.TestScript) bool {
	time.Sleep(time.Duration(500+rand.IntN(1000)) * time.Millisecond)
	c, err := delayWrites(partNamed(ts.Getenv("ENISHI_RUN_DIR"), "control"), 30*time.Second)
	if err != nil {
		ts.Logf("%v", err)
		return false
	}
	time.Sleep(time.Duration(4000+rand.IntN(5000)) * time.Millisecond)
	_ = c.Process.Signal(unix.SIGTERM)
	_ = c.Wait() // it ends by the signal
	return true
}

// refused says that the call had no effect: the API answered so.
func refused(err error) bool {
	e, ok := errors.AsType[*awserr.Error](err)
	return ok && e.Status < http.StatusInternalServerError
}

func (r registerCall) do(c client, h *http.Client) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	api := &awsclient.Client{Endpoint: c.Endpoint, Region: c.Region, HTTP: h, Credentials: sigv4.Credentials{AccessKeyID: c.AccessKey, Secret: c.SecretKey}}
	if r.write != "" {
		_, err := awsclient.EC2[wire.CreateTagsOutput](ctx, api, "CreateTags", &wire.CreateTagsInput{
			Resources: []string{r.resource}, Tags: []wire.Tag{{Key: new("register"), Value: &r.write}}})
		return "", err
	}
	out, err := awsclient.EC2[wire.DescribeTagsOutput](ctx, api, "DescribeTags", &wire.DescribeTagsInput{Filters: []wire.Filter{
		{Name: new("resource-id"), Values: []string{r.resource}}, {Name: new("key"), Values: []string{"register"}}}})
	if err != nil {
		return "", err
	}
	var values []string
	for _, t := range out.Tags {
		values = append(values, *t.Value)
	}
	return strings.Join(values, ","), nil
}
