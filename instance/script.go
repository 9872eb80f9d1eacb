// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"enishi.dev/enishi/hoststate"
)

// scriptPath is where an instance's script is, inside.
const scriptPath = "/run/user-data"

// nobody runs scripts. They come over the network, and the files are the host's.
var nobody = Identity{UID: 65534, GID: 65534}

// openConsole makes the file that a script's output goes to; nil without a script.
// It is called before the host's files are out of sight.
func (s Spec) openConsole(dir string) (*os.File, error) {
	if len(s.Script) == 0 {
		return nil, nil
	}
	return os.OpenFile(filepath.Join(dir, consoleFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

// placeScript puts the script, if there is one, where it can be started. No command
// may start meanwhile: it could hold the file open, and what is written cannot run.
func (s Spec) placeScript() error {
	if len(s.Script) == 0 {
		return nil
	}
	if err := os.WriteFile(scriptPath, s.Script, 0o555); err != nil {
		return err
	}
	return os.Chmod(scriptPath, 0o555) // whatever the mask
}

// runScript starts the script, and writes what it says, and how it began or ended,
// to the console.
func (s Spec) runScript(console *os.File, r *reaper) {
	c := &tail{file: console}
	err := s.script(c, r)
	if err != nil {
		fmt.Fprintf(c, "user data: %v\n", err)
	}
	console.Close()
}

func (s Spec) script(c *tail, r *reaper) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	said, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	_, end, err := r.start(func() (int, error) {
		return fork(scriptPath, Request{Argv: []string{scriptPath}}, s.environ(nil), nobody, []*os.File{null, say, say})
	})
	say.Close()
	if err != nil {
		return err
	}
	_, err = io.Copy(c, said) // until nobody is left who could say something
	if code := codeOf(<-end); code != 0 {
		return errors.Join(err, fmt.Errorf("ended with exit code %d", code))
	}
	return err
}

// tail keeps the last bytes of what is written in a file.
type tail struct {
	file *os.File
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - hoststate.MaxConsole; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if _, err := t.file.WriteAt(t.kept, 0); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Console is the last of what the instance's script has written, nil if it has none.
func (i *Instance) Console() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(i.dir, consoleFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}
