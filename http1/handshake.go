// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"crypto/tls"
	"errors"
	"io"
)

// handshake ends TLS, where there is TLS, and says whether requests can follow.
func (c *conn) handshake() bool {
	t, ok := c.net.(*tls.Conn)
	if !ok {
		return true
	}
	c.read.within(c.server.Head)
	c.write.within(c.server.Head)
	c.read.apply(t.SetReadDeadline)
	c.write.apply(t.SetWriteDeadline)
	err := t.HandshakeContext(c.ctx)
	if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		plain.Conn.Close()
	}
	if err != nil {
		c.server.Log.Debug("TLS handshake", "from", c.remote, "err", err)
		return false
	}
	c.write.within(0)
	state := t.ConnectionState()
	c.tls = &state
	return true
}

func looksLikeHTTP(begin [5]byte) bool {
	switch string(begin[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}
