package netdev

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// hasAny: libpcap has Any here.
const hasAny = true

// hasRings: there is AF_PACKET here.
const hasRings = true

// MayCapture says whether the process may read what passes the interfaces, which takes CAP_NET_RAW.
func MayCapture() bool {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// driver asks ethtool for the name of the driver, "" where there is none: virtual interfaces have theirs there alone.
func driver(name string) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Driver[:])
}

// Offloads returns the names of the interface's features that are on, as ethtool lists them (rx-gro, rx-lro,
// tx-tcp-segmentation, ...). It needs no privilege, and Linux 5.6 or later. It asks over netlink (ethtool-netlink.rst in
// the kernel's documentation), which answers in bytes, where the older ioctl wants a pointer.
func Offloads(name string) (map[string]bool, error) {
	on, err := offloads(name)
	if err != nil {
		return nil, fmt.Errorf("ask ethtool for the features of %s: %w", name, err)
	}
	return on, nil
}

func offloads(name string) (map[string]bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		return nil, err
	}
	families, err := ask(fd, unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, text(unix.CTRL_ATTR_FAMILY_NAME, "ethtool"))
	if err != nil {
		return nil, err
	}
	family := find(families, unix.CTRL_ATTR_FAMILY_ID)
	if len(family) < 2 {
		return nil, fmt.Errorf("no number of the ethtool family in the answer")
	}
	header := attribute(unix.ETHTOOL_A_FEATURES_HEADER|unix.NLA_F_NESTED, text(unix.ETHTOOL_A_HEADER_DEV_NAME, name))
	answer, err := ask(fd, binary.NativeEndian.Uint16(family), unix.ETHTOOL_MSG_FEATURES_GET, header)
	if err != nil {
		return nil, err
	}
	on := map[string]bool{}
	bits := find(find(answer, unix.ETHTOOL_A_FEATURES_ACTIVE), unix.ETHTOOL_A_BITSET_BITS)
	for len(bits) > 0 {
		var kind uint16
		var bit []byte
		if kind, bit, bits = next(bits); kind != unix.ETHTOOL_A_BITSET_BITS_BIT {
			continue
		}
		if feature := find(bit, unix.ETHTOOL_A_BITSET_BIT_NAME); len(feature) > 0 {
			on[unix.ByteSliceToString(feature)] = true
		}
	}
	return on, nil
}

// Lengths of netlink's headers in bytes: of a message, and of a generic netlink message inside.
const messageHeader, genericHeader = 16, 4

// ask sends one request of generic netlink and returns the attributes of the answer.
func ask(fd int, family uint16, command uint8, attributes []byte) ([]byte, error) {
	request := binary.NativeEndian.AppendUint32(nil, uint32(messageHeader+genericHeader+len(attributes)))
	request = binary.NativeEndian.AppendUint16(request, family)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST)
	request = append(request, 0, 0, 0, 0, 0, 0, 0, 0) // sequence number, port
	request = append(request, command, 1, 0, 0)       // version 1
	if err := unix.Sendto(fd, append(request, attributes...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	answer := make([]byte, 1<<16)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	for err == unix.EINTR {
		n, _, err = unix.Recvfrom(fd, answer, 0)
	}
	if err != nil {
		return nil, err
	}
	answer = answer[:n]
	if n < messageHeader+genericHeader {
		return nil, fmt.Errorf("got an answer of %d bytes, want %d or more", n, messageHeader+genericHeader)
	}
	if binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		return nil, unix.Errno(-int32(binary.NativeEndian.Uint32(answer[messageHeader:])))
	}
	length := min(n, int(binary.NativeEndian.Uint32(answer)))
	return answer[messageHeader+genericHeader : max(length, messageHeader+genericHeader)], nil
}

// attribute encodes an attribute of netlink: length, kind, value, padded to four bytes.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func text(kind uint16, value string) []byte { return attribute(kind, append([]byte(value), 0)) }

// next splits the first attribute off; rest is empty after the last one, or where they make no sense.
func next(b []byte) (kind uint16, value, rest []byte) {
	if len(b) < 4 {
		return 0, nil, nil
	}
	length := int(binary.NativeEndian.Uint16(b))
	if length < 4 || length > len(b) {
		return 0, nil, nil
	}
	const flags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	return binary.NativeEndian.Uint16(b[2:]) &^ flags, b[4:length], b[min(len(b), (length+3)&^3):]
}

// find returns the value of the first attribute of a kind, nil where there is none.
func find(b []byte, kind uint16) []byte {
	for len(b) > 0 {
		var k uint16
		var value []byte
		if k, value, b = next(b); k == kind && value != nil {
			return value
		}
	}
	return nil
}
