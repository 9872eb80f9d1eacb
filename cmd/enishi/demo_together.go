// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"sync"
)

// passage is something of a step that waits for none of the others beside it.
type passage func(*story, context.Context) error

func naming(name, line string) passage {
	return func(s *story, ctx context.Context) error { return s.name(ctx, name, line) }
}

func doing(line string) passage {
	return func(s *story, ctx context.Context) error { return s.each(ctx, line) }
}

// together tells passages at once, as a shell does with "&" and "wait", and ends when all
// of them have. The first is told while it happens, what the others say comes after it,
// in order, up to the first that fails. Each has the names of before, and what they name
// is known afterwards.
func (s *story) together(ctx context.Context, passages ...passage) error {
	type branch struct {
		story
		said bytes.Buffer
		err  error
	}
	branches := make([]branch, len(passages))
	var wg sync.WaitGroup
	for i, tell := range passages {
		b := &branches[i]
		b.story = *s
		b.vars, b.after = maps.Clone(s.vars), " &"
		if i > 0 {
			b.out = &b.said
		}
		wg.Go(func() { b.err = tell(&b.story, ctx) })
	}
	wg.Wait()
	for i := range branches {
		b := &branches[i]
		maps.Copy(s.vars, b.vars)
		if _, err := io.Copy(s.out, &b.said); err != nil {
			return err
		}
		if b.err != nil {
			return b.err
		}
	}
	fmt.Fprintln(s.out, "   $ wait")
	return nil
}
