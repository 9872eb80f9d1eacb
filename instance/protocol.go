// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Commands enter an instance over a SOCK_SEQPACKET connection to its first
// process, a JSON message each:
//
//	agent  -> init    Identity: as whom the command runs; then the agent gives
//	                  the connection to the caller and is out of the way
//	caller -> init    Request, with stdin, stdout, stderr attached, or none with a terminal
//	init   -> caller  answer: Error, or Started (with the terminal attached)
//	caller -> init    control: signals, the terminal's size
//	init   -> caller  answer: Exit

// Identity is as whom a command runs.
type Identity struct {
	UID    int   `json:"uid"`
	GID    int   `json:"gid"`
	Groups []int `json:"groups"`
}

// Request is a command to run in an instance.
type Request struct {
	Instance string   `json:"instance"`
	Argv     []string `json:"argv"`
	Env      []string `json:"env"` // in front of the instance's own: credentials, PATH, HOME, …
	Dir      string   `json:"dir"` // where it exists there, else /
	Terminal bool     `json:"terminal"`
	Rows     uint16   `json:"rows,omitempty"` // of the terminal, when the command starts
	Cols     uint16   `json:"cols,omitempty"`
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Code    int    `json:"code,omitempty"` // with Error: what a shell would exit with
	Started bool   `json:"started,omitempty"`
	Exit    *int   `json:"exit,omitempty"`
}

type control struct {
	Signal int `json:"signal,omitempty"`
}

// What a message may be at most. The kernel takes no more than 208 KiB in one.
const (
	maxMessage = 192 << 10 // a command with a very large environment
	maxShort   = 4 << 10   // any other
	maxFiles   = 8
)

// send writes one message with files attached.
func send(c *net.UnixConn, m any, files ...*os.File) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes: at most %d: give the command a smaller environment", len(b), maxMessage)
	}
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(b, rights, nil)
	return err
}

// receive reads one message of at most limit bytes, and the files that came with it.
func receive(c *net.UnixConn, m any, limit int) ([]*os.File, error) {
	b, oob := make([]byte, limit), make([]byte, unix.CmsgSpace(4*maxFiles))
	n, oobn, flags, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return nil, err
	}
	files, err := attached(oob[:oobn])
	if err != nil {
		return nil, err
	}
	switch {
	case n == 0 && len(files) == 0:
		err = io.EOF
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errors.New("message too large")
	default:
		err = json.Unmarshal(b[:n], m)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

// attached takes the files out of a message's ancillary data.
func attached(oob []byte) (files []*os.File, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "attached"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
