// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"enishi.dev/enishi/vpc"
	"golang.org/x/sync/errgroup"
)

const childDir = "ENISHI_STORE_TEST_CHILD"

// child decides as fast as it can in dir, from several goroutines, and prints
// every id when the decision that made it has been answered.
func child(ctx context.Context, dir string) error {
	e, err := StartEmbedded(ctx, dir, quiet, EmbedOptions{})
	if err != nil {
		return err
	}
	s, err := Open(ctx, e.Options())
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return s.Run(ctx) })
	for range 4 {
		g.Go(func() error {
			for {
				var id string
				err := s.Decide(ctx, func(tx *Tx) error {
					id = tx.NewID("vpc")
					tx.VPCs.Put(vpc.VPC{ID: vpc.VPCID(id), VNI: tx.Number("vni")})
					tx.Subnets.Put(vpc.Subnet{ID: vpc.SubnetID("subnet-" + id), VPC: vpc.VPCID(id)})
					return nil
				})
				if err != nil {
					return err
				}
				fmt.Println(id) // one write of less than a page: whole or not at all
			}
		})
	}
	return g.Wait()
}

func TestWhatWasAnsweredSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	answered := map[string]bool{}
	for range 3 {
		for _, id := range killChild(t, dir) {
			answered[id] = true
		}
		check := func() int {
			e, err := StartEmbedded(t.Context(), dir, quiet, EmbedOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			v := mustOpen(t, e.Options()).View()
			for id := range answered {
				if _, ok := v.VPCs.Get(id); !ok {
					t.Errorf("%s was answered and is gone", id)
				}
			}
			vnis := map[uint32]bool{}
			for n := range v.VPCs.All() {
				if _, whole := v.Subnets.Get("subnet-" + string(n.ID)); !whole || vnis[n.VNI] {
					t.Errorf("half a decision, or a number twice: %+v", n)
				}
				vnis[n.VNI] = true
			}
			return v.VPCs.Len()
		}
		t.Logf("%d answered, %d found", len(answered), check())
	}
}

// killChild lets a child decide for a while, kills it and returns what it printed.
func killChild(t *testing.T, dir string) (ids []string) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // it is dead; a line without end was not said
		}
		ids = append(ids, strings.TrimSpace(line))
		if len(ids) == 1 {
			time.AfterFunc(time.Duration(rand.IntN(100_000))*time.Microsecond, func() { _ = c.Process.Kill() })
		}
	}
	_ = c.Wait()
	if len(ids) == 0 {
		t.Fatal("the child has decided nothing")
	}
	return ids
}
