package netdev

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Asker asks for the State of interfaces over rtnetlink (rtnetlink(7)), in the network namespace in which it was
// opened, whatever /sys shows, and whatever of the file system the process may still open. It is for one goroutine at a
// time.
type Asker struct {
	fd       int
	sequence uint32
	buffer   []byte
}

// State is what changes of an interface, and what it is found again by.
type State struct {
	Index    int // stays when the interface is renamed
	Hardware int // Linux's hardware type (ARPHRD_ in if_arp.h)
	Up       bool
	Lost     Lost
}

// OpenAsker opens an Asker, which needs no privilege.
func OpenAsker() (*Asker, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set netlink socket's wait: %w", err)
	}
	return &Asker{fd: fd, buffer: make([]byte, 1<<16)}, nil
}

// Close closes the socket.
func (a *Asker) Close() error { return unix.Close(a.fd) }

// ByName asks for the interface of a name; the error is unix.ENODEV where there is none.
func (a *Asker) ByName(name string) (State, error) {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return State{}, unix.ENODEV
	}
	return a.ask(0, text(unix.IFLA_IFNAME, name))
}

// ByIndex asks for the interface of an index; the error is unix.ENODEV where there is none any more.
func (a *Asker) ByIndex(index int) (State, error) { return a.ask(index, nil) }

func (a *Asker) ask(index int, attributes []byte) (State, error) {
	a.sequence++
	request := binary.NativeEndian.AppendUint32(nil, uint32(messageHeader+unix.SizeofIfInfomsg+len(attributes)))
	request = binary.NativeEndian.AppendUint16(request, unix.RTM_GETLINK)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST)
	request = binary.NativeEndian.AppendUint32(request, a.sequence)
	request = append(request, 0, 0, 0, 0) // port: the kernel
	request = append(request, unix.AF_UNSPEC, 0, 0, 0)
	request = binary.NativeEndian.AppendUint32(request, uint32(index))
	request = append(request, 0, 0, 0, 0, 0, 0, 0, 0) // flags and their mask
	request = append(request, attributes...)
	if err := unix.Sendto(a.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return State{}, fmt.Errorf("ask about interface: %w", err)
	}
	for {
		n, _, err := unix.Recvfrom(a.fd, a.buffer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return State{}, fmt.Errorf("ask about interface: %w", err)
		}
		// An answer with another number is to a question that was given up.
		if n >= messageHeader+4 && binary.NativeEndian.Uint32(a.buffer[8:]) == a.sequence {
			return parseState(a.buffer[:n])
		}
	}
}

// Where the counters are in struct rtnl_link_stats64 (if_link.h).
const (
	rxDropped = 6 * 8
	rxFIFO    = 14 * 8
	rxMissed  = 15 * 8
)

// parseState reads the answer to one question, a message of at least 20 bytes.
func parseState(m []byte) (State, error) {
	switch kind := binary.NativeEndian.Uint16(m[4:]); {
	case kind == unix.NLMSG_ERROR:
		return State{}, unix.Errno(-int32(binary.NativeEndian.Uint32(m[messageHeader:])))
	case kind != unix.RTM_NEWLINK || len(m) < messageHeader+unix.SizeofIfInfomsg:
		return State{}, fmt.Errorf("unexpected answer of kind %d and %d bytes about an interface", kind, len(m))
	}
	info := m[messageHeader:]
	s := State{
		Hardware: int(binary.NativeEndian.Uint16(info[2:])),
		Index:    int(int32(binary.NativeEndian.Uint32(info[4:]))),
		Up:       binary.NativeEndian.Uint32(info[8:])&unix.IFF_UP != 0,
	}
	if stats := find(info[unix.SizeofIfInfomsg:], unix.IFLA_STATS64); len(stats) >= rxMissed+8 {
		s.Lost = Lost{
			Dropped: binary.NativeEndian.Uint64(stats[rxDropped:]),
			Missed:  binary.NativeEndian.Uint64(stats[rxMissed:]),
			FIFO:    binary.NativeEndian.Uint64(stats[rxFIFO:]),
		}
	}
	return s, nil
}
