// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// apis holds the API against moto's, both started empty for each round.
func apis(ctx context.Context, b *bench) ([]row, error) {
	const what = "API calls a second, signed, 16 connections, 70 % describe, 20 % create, 10 % delete, against moto"
	if err := b.stop(); err != nil {
		return nil, err
	}
	here := func(args ...string) *exec.Cmd { return exec.Command(b.self, args...) }
	ours := pair{client: here, fresh: func() (string, func() error, error) {
		_, err := b.start(ctx)
		if err != nil {
			return "", nil, err
		}
		c := b.api.Credentials
		return strings.Join([]string{strings.Replace(b.api.Endpoint, "https:", "http:", 1), c.AccessKeyID, c.Secret}, "@"), b.stop, nil
	}}
	c := compare{load: "calls", unit: "a second", rounds: 5, d: 2 * time.Second}
	if b.quick {
		c.rounds = 2
	}
	moto, err := exec.LookPath("moto_server")
	if err != nil {
		if err := c.run(ctx, []pair{ours}); err != nil {
			return nil, err
		}
		return []row{{what, reported, fmt.Sprintf("skipped: moto_server is not installed (pip install 'moto[server]'); enishi's median: %.0f", quantile(c.xs[0], 0.5)), true}}, nil
	}
	if err := c.run(ctx, []pair{{client: here, fresh: func() (string, func() error, error) { return startMoto(ctx, moto) }}, ours}); err != nil {
		return nil, err
	}
	return []row{c.against(what, "moto", 20)}, nil
}

// startMoto returns once moto answers on loopback.
func startMoto(ctx context.Context, program string) (target string, end func() error, err error) {
	const url = "http://127.0.0.1:5000"
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", "5000")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := background(cmd)
	if err != nil {
		return "", nil, err
	}
	end = func() error { _ = terminate(cmd, ended); return nil } // its exit code is the signal's
	for last := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/data.json", nil)
		if err != nil {
			return "", nil, err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			return url + "@bench@bench", end, nil
		}
		if time.Now().After(last) {
			_ = end()
			return "", nil, fmt.Errorf("moto does not answer: %s", &said)
		}
	}
}
