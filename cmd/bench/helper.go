// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// helper is a process that is talked to by lines.
type helper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// begin starts a helper and waits for its first line: that it is ready.
func begin(cmd *exec.Cmd) (*helper, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &helper{cmd, in, bufio.NewScanner(out)}
	if _, err := h.line(); err != nil {
		h.end()
		return nil, err
	}
	return h, nil
}

// ask sends one line and returns the answer's.
func (h *helper) ask(line string) (string, error) {
	if _, err := fmt.Fprintf(h.in, "%q\n", line); err != nil {
		return "", err
	}
	return h.line()
}

func (h *helper) line() (string, error) {
	if !h.out.Scan() {
		return "", errors.Join(errors.New("helper has ended"), h.out.Err())
	}
	return strings.TrimSpace(h.out.Text()), nil
}

func (h *helper) end() {
	h.in.Close()
	_ = h.cmd.Wait()
}

// help is the other side of ask: it says that it is ready, and answers each line of
// stdin with what f makes of it, in JSON, until the lines end or f cannot.
func help(f func(line string) (any, error)) error {
	fmt.Println("ready")
	for lines := json.NewDecoder(os.Stdin); ; {
		var line string
		if err := lines.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		answer, err := f(line)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
}
