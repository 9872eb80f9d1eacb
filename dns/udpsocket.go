// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// udpSocket reads and writes many messages by one call. The socket itself is not
// with Go's poller: that would be woken whenever the kernel has done with an answer,
// as the socket can be written again, which took more time than to answer. An epoll
// that asks for reading only stands in between.
type udpSocket struct {
	fd       int
	readable *os.File // the epoll
	raw      syscall.RawConn
	batches  sync.Pool
}

// newUDPSocket takes conn's place.
func newUDPSocket(conn *net.UDPConn) (_ *udpSocket, err error) {
	defer conn.Close()
	s := &udpSocket{batches: sync.Pool{New: func() any { return new(batch) }}}
	if s.fd, err = duplicate(conn); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := wantDestination(s.fd); err != nil {
		return nil, err
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	// What does not block is waited for by Go's poller.
	err = unix.SetNonblock(poll, true)
	s.readable = os.NewFile(uintptr(poll), "epoll")
	if err != nil {
		return nil, err
	}
	if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		return nil, err
	}
	s.raw, err = s.readable.SyscallConn()
	return s, err
}

func duplicate(conn *net.UDPConn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	if failed := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); failed != nil {
		return -1, failed
	}
	return fd, err
}

func (s *udpSocket) close() {
	if s.readable != nil {
		s.readable.Close()
	}
	unix.Close(s.fd)
}

// batchSize is how many messages one call takes at most.
const batchSize = 16

// batch is messages that were received, and the answers to them. Nobody keeps one
// that waits: it would be of some size for each network.
type batch struct {
	received, answers int

	in, out  [batchSize]message
	vectors  [batchSize]unix.Iovec
	froms    [batchSize]unix.RawSockaddrInet6
	controls [batchSize][256]byte
	packets  [batchSize][maxQuery + 1]byte
	rooms    [batchSize][maxUDP]byte
}

// message is the kernel's struct mmsghdr.
type message struct {
	head unix.Msghdr
	size uint32
}

// receive waits for messages, and returns those that are there by then.
func (s *udpSocket) receive() (b *batch, err error) {
	var errno unix.Errno
	err = s.raw.Read(func(uintptr) bool {
		if b == nil {
			b = s.batches.Get().(*batch)
			b.prepare()
		}
		for {
			var n int
			n, errno = mmsg(unix.SYS_RECVMMSG, s.fd, b.in[:])
			if errno == unix.EAGAIN {
				s.free(b)
				b = nil
				return false
			}
			if errno != unix.EINTR {
				b.received = n
				return true
			}
		}
	})
	if err == nil && errno != 0 {
		s.free(b)
		return nil, errno
	}
	return b, err
}

// send sends the answers. One that cannot go is left out, and those for which there
// is no room are lost, as datagrams are; err is of the last one.
func (s *udpSocket) send(b *batch) (err error) {
	for rest := b.out[:b.answers]; len(rest) > 0; {
		n, errno := mmsg(unix.SYS_SENDMMSG, s.fd, rest)
		switch errno {
		case 0:
			rest = rest[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return errno
		default:
			err, rest = errno, rest[1:]
		}
	}
	return err
}

// free gives a batch back, if there is one.
func (s *udpSocket) free(b *batch) {
	if b != nil {
		s.batches.Put(b)
	}
}

func mmsg(call uintptr, fd int, m []message) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// prepare makes room for messages.
func (b *batch) prepare() {
	b.received, b.answers = 0, 0
	for i := range b.in {
		b.vectors[i].Base = &b.packets[i][0]
		b.vectors[i].SetLen(len(b.packets[i]))
		h := &b.in[i].head
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.froms[i])), unix.SizeofSockaddrInet6
		h.Iov, h.Control = &b.vectors[i], &b.controls[i][0]
		h.SetIovlen(1)
		h.SetControllen(len(b.controls[i]))
	}
}

// query is a message that was received, from whom, and its control messages.
func (b *batch) query(i int) (packet []byte, from netip.Addr, oob []byte) {
	return b.packets[i][:b.in[i].size], netip.AddrFrom16(b.froms[i].Addr).Unmap(), b.controls[i][:b.in[i].head.Controllen]
}

// room is where the answer to a query may be written.
func (b *batch) room(i int) []byte { return b.rooms[i][:] }

// put adds the answer to a query, which leaves from the address to.
func (b *batch) put(i int, answer []byte, to packetInfo) {
	b.vectors[i].Base = &answer[0]
	b.vectors[i].SetLen(len(answer))
	h := &b.out[b.answers].head
	*h = b.in[i].head
	h.Control, h.Flags = &to[0], 0
	h.SetControllen(len(to))
	b.answers++
}
