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

// branch is a part of the story in a shell of its own.
type branch struct {
	story
	said bytes.Buffer
	err  error
}

// branch is s from here on in another shell: it knows the names of before.
func (s *story) branch() *branch {
	b := &branch{story: *s}
	b.vars, b.out = maps.Clone(s.vars), &b.said
	return b
}

// join takes in what a branch has named, and tells what it said.
func (s *story) join(b *branch) error {
	for name, value := range b.vars {
		if _, known := s.vars[name]; !known {
			s.vars[name] = value
		}
	}
	if _, err := io.Copy(s.out, &b.said); err != nil {
		return err
	}
	return b.err
}

// tellAll tells the chapters one after the other, and what some do early beside those
// before them. It ends at the first that fails.
func (s *story) tellAll(ctx context.Context, all []chapter) error {
	ctx, cancel := context.WithCancel(ctx)
	var shells sync.WaitGroup
	defer shells.Wait()
	defer cancel()
	early := map[int]chan *branch{}
	for i, c := range all {
		for j, later := range all {
			if later.early == nil || later.from != i+1 {
				continue
			}
			b, done := s.branch(), make(chan *branch, 1)
			early[j] = done
			shells.Go(func() { b.err = later.early(&b.story, ctx); done <- b })
			fmt.Fprintf(s.out, "\n(in another shell, what step %d tells)\n", j+1)
		}
		fmt.Fprintf(s.out, "\n%d. %s\n", i+1, c.title)
		var err error
		if done := early[i]; done != nil {
			err = s.join(<-done)
		}
		if err == nil {
			err = c.tell(s, ctx)
		}
		if err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, c.title, err)
		}
	}
	return nil
}

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
	branches := make([]*branch, len(passages))
	var wg sync.WaitGroup
	for i, tell := range passages {
		b := s.branch()
		branches[i], b.after = b, " &"
		if i == 0 {
			b.out = s.out
		}
		wg.Go(func() { b.err = tell(&b.story, ctx) })
	}
	wg.Wait()
	for _, b := range branches {
		if err := s.join(b); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.out, "   $ wait")
	return nil
}
