//go:build linux

package sendtest

import (
	"fmt"
	"net"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sender sends frames as they are on one interface. It is for one goroutine at a time.
type Sender struct {
	fd       int
	messages [sendBatch]message
	buffers  [sendBatch]unix.Iovec
}

const sendBatch = 256 // frames for each call of the kernel

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	header unix.Msghdr
	sent   uint32
}

// NewSender opens a sender on an interface of the calling thread's network namespace. Fast leaves the interface's queue
// out, and with it whoever captures what the interface sends: only the other end gets the frames.
func NewSender(iface string, fast bool) (*Sender, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("open sender: %w", err)
	}
	s := &Sender{}
	if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open sender: %w", err)
	}
	err = unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: i.Index}) // no protocol: it receives nothing
	if err == nil && fast {
		err = unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	}
	if err != nil {
		unix.Close(s.fd)
		return nil, fmt.Errorf("open sender on %s: %w", iface, err)
	}
	return s, nil
}

// Send sends frames in their order, each once: one for which the kernel says that it had no room is sent again. The
// frames are only read.
func (s *Sender) Send(frames [][]byte) error {
	for len(frames) > 0 {
		n := min(len(frames), sendBatch)
		for i, f := range frames[:n] {
			s.buffers[i].Base = &f[0]
			s.buffers[i].SetLen(len(f))
			s.messages[i] = message{header: unix.Msghdr{Iov: &s.buffers[i]}}
			s.messages[i].header.SetIovlen(1)
		}
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[0])), uintptr(n),
			0, 0, 0)
		runtime.KeepAlive(frames)
		switch errno {
		case 0:
			frames = frames[sent:]
		case unix.ENOBUFS, unix.EINTR, unix.EAGAIN:
		default:
			return fmt.Errorf("send frame: %w", errno)
		}
	}
	return nil
}

// Close closes the sender.
func (s *Sender) Close() error { return unix.Close(s.fd) }
