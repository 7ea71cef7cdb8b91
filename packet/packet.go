package packet

import (
	"encoding/binary"
	"net/netip"
)

// Addr is an IPv4 or IPv6 address as two big-endian words. An IPv4 address is kept in its IPv4-mapped form
// (::ffff:a.b.c.d); whether it was IPv4 on the wire is Packet.Version, which belongs to every flow key.
type Addr struct{ Hi, Lo uint64 }

// AddrFrom4 returns the address of the four bytes of an IPv4 address.
func AddrFrom4(b []byte) Addr {
	return Addr{Lo: 0xffff_0000_0000 | uint64(binary.BigEndian.Uint32(b))}
}

// AddrFrom16 returns the address of the sixteen bytes of an IPv6 address.
func AddrFrom16(b []byte) Addr {
	return Addr{Hi: binary.BigEndian.Uint64(b), Lo: binary.BigEndian.Uint64(b[8:16])}
}

// Less orders addresses as their bytes do.
func (a Addr) Less(b Addr) bool { return a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo }

// Netip converts the address; version is 4 or 6.
func (a Addr) Netip(version uint8) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	if version == 4 {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.AddrFrom16(b)
}

// Protocol numbers (IANA) that weir treats by name.
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
	ProtoSCTP   = 132
)

// TCP flag bits, as in the header's fourteenth byte (RFC 9293).
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Flags say what kind of packet it is, beyond its numbers.
type Flags uint16

const (
	// FragFirst: the first fragment of several (offset 0, more to come); its ports are known.
	FragFirst Flags = 1 << iota
	// FragLater: a later fragment; the ports are 0 and there is no transport header.
	FragLater
	// HasVLAN: an 802.1Q, 802.1ad or 0x9100 tag was there; VLAN holds the outermost id.
	HasVLAN
	// OneWay: an ICMP message without a counterpart (Community ID v1): its two directions are two flows.
	OneWay
	// BadIPChecksum: the IPv4 header checksum is wrong. Set only when checksums are verified.
	BadIPChecksum
	// BadChecksum: the TCP, UDP, SCTP or ICMP checksum is wrong. Set only when checksums are verified and the
	// whole segment was captured and is not a fragment.
	BadChecksum
	// PayloadCut: fewer payload bytes were captured than the headers announce.
	PayloadCut
	// NoLength: the IPv4 total length was 0 (segmentation offload); Length is the frame's own.
	NoLength
	// Tunnelled: this is the inner packet of a tunnel that was opened.
	Tunnelled
	// HeaderCut: the captured bytes, or the first fragment, end inside the transport header, after the ports. The
	// TCP flags, numbers, window and payload length are unknown and 0; UDP, SCTP and ICMP payload lengths are those
	// the IP header implies.
	HeaderCut
	// BadHeader: the TCP data offset or the UDP length is impossible (below the header's own size, or a data offset
	// beyond the segment). The rest of the header is taken as it is; the payload length is 0 for TCP, and for UDP
	// what the IP header implies.
	BadHeader
)

// Packet is one decoded frame. It holds no pointers; Payload offsets are into the frame's captured bytes, and
// PayloadOff+PayloadCap is never beyond them. A later fragment (FragLater) of TCP, UDP, SCTP, ICMP or ICMPv6 counts all
// its bytes above IP as payload.
type Packet struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16 // TCP, UDP, SCTP; ICMP: type and counterpart or code, as Community ID v1 maps them; else 0
	Proto            uint8  // the transport's IP protocol number, extension headers skipped
	Version          uint8  // 4 or 6
	TTL              uint8  // IPv4 time to live or IPv6 hop limit
	TCPFlags         uint8
	Flags            Flags
	VLAN             uint16 // outermost id, 0..4095, with HasVLAN
	Window           uint16 // TCP window as in the header, unscaled
	Length           uint32 // IP total length in bytes (IPv4 total length; IPv6 payload length + 40, or jumbogram)
	PayloadLen       uint32 // bytes above TCP, UDP, SCTP or ICMP by the headers; 0 for other protocols
	IPOff            uint32 // where the IP header begins in the frame
	PayloadOff       uint32 // where the captured payload begins in the frame
	PayloadCap       uint32 // payload bytes that were captured
	Seq, Ack         uint32 // TCP
	FragID           uint32 // IPv4 or IPv6 fragment identification, with FragFirst or FragLater
}
