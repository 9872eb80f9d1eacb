// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// handover is what the agent says of a socket that it passes, or with Gone of a
// network whose sockets are to be closed.
type handover struct {
	Network string `json:"network"`
	VNI     uint32 `json:"vni"`
	Kind    string `json:"kind"`
	Gone    bool   `json:"gone"`
}

// The kinds of sockets.
const (
	kindTCP   = "tcp"   // a listener for every TCP port of the network's served addresses
	kindUDP53 = "udp53" // the resolver's
)

func parseHandover(b []byte) (handover, error) {
	var h handover
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("read hand-over: %w", err)
	}
	switch {
	case h.Network == "":
		return h, errors.New("read hand-over: it names no network")
	case !h.Gone && h.Kind != kindTCP && h.Kind != kindUDP53:
		return h, fmt.Errorf("read hand-over: socket of kind %q", h.Kind)
	}
	return h, nil
}

// receive takes the sockets that the agent passes, and serves them, until ctx
// ends. Sockets outlive the connection that they came over: an agent that starts
// again passes them anew.
func (g *gateway) receive(ctx context.Context) error {
	defer g.sockets.closeAll()
	const first, last = 10 * time.Millisecond, 500 * time.Millisecond
	retry := first
	for {
		n, err := g.receiveFrom(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n > 0 {
			retry = first
		}
		g.Log.Debug("no agent, trying again", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
		retry = min(2*retry, last)
	}
}

// receiveFrom takes sockets over one connection; n counts the messages.
func (g *gateway) receiveFrom(ctx context.Context) (n int, err error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unixpacket", g.AgentSocket)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	buf, oob := make([]byte, 4096), make([]byte, 1024)
	for ; ; n++ {
		size, oobSize, flags, _, err := nc.(*net.UnixConn).ReadMsgUnix(buf, oob)
		if err != nil {
			return n, err
		}
		if size == 0 && oobSize == 0 {
			return n, errors.New("agent has ended")
		}
		files, err := passed(oob[:oobSize])
		if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			err = errors.New("hand-over is too long")
		}
		if err == nil {
			err = g.take(ctx, buf[:size], files)
		}
		for _, f := range files {
			f.Close() // who serves it has it twice
		}
		if err != nil {
			g.Log.Error("hand-over refused", "err", err)
		}
	}
}

// take does what one message says.
func (g *gateway) take(ctx context.Context, message []byte, files []*os.File) error {
	h, err := parseHandover(message)
	switch {
	case err != nil:
		return err
	case h.Gone:
		g.sockets.close(h.Network)
		return nil
	case len(files) != 1:
		return fmt.Errorf("hand-over of %s: %d sockets, want one", h.Network, len(files))
	}
	if err := g.sockets.serve(ctx, h, files[0]); err != nil {
		return fmt.Errorf("hand-over of %s: %w", h.Network, err)
	}
	return nil
}

// passed returns the files in control messages.
func passed(oob []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read control message: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // a message of another kind
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "socket"))
		}
	}
	return files, nil
}
