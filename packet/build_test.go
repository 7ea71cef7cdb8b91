package packet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// The builders below make frames byte by byte, with checksums by the plainest reading of RFC 1071, so that the tests
// depend on nothing of the code they test.

// cat joins pieces of a frame.
func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// h reads hexadecimal digits, spaces allowed.
func h(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(fmt.Sprintf("bug: bad hexadecimal in a test: %v", err))
	}
	return b
}

// be16 is a 16-bit number in network byte order.
func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }

// plainSum is the Internet checksum of the pieces joined, as it goes into a header.
func plainSum(parts ...[]byte) []byte {
	b := cat(parts...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	sum := 0
	for i := 0; i < len(b); i += 2 {
		sum += int(b[i])<<8 | int(b[i+1])
		if sum > 0xffff {
			sum -= 0xffff
		}
	}
	return be16(^sum)
}

var (
	mac  = h("020000000002 020000000001")
	src4 = h("0a000001") // 10.0.0.1
	dst4 = h("0a000002") // 10.0.0.2
	src6 = h("20010db8000000000000000000000001")
	dst6 = h("20010db8000000000000000000000002")
)

// eth is an Ethernet header with the given type and what follows.
func eth(etherType int, payload ...[]byte) []byte {
	return cat(mac, be16(etherType), cat(payload...))
}

// ip4 is an IPv4 packet from 10.0.0.1 to 10.0.0.2, TTL 64, id 0x1234. frag is the word of flags and offset.
func ip4(proto byte, frag int, options, payload []byte) []byte {
	header := cat([]byte{0x45 + byte(len(options)/4), 0}, be16(20+len(options)+len(payload)), h("1234"), be16(frag),
		[]byte{64, proto, 0, 0}, src4, dst4, options)
	copy(header[10:], plainSum(header))
	return cat(header, payload)
}

// v4 is ip4 without options and not fragmented.
func v4(proto byte, payload []byte) []byte { return ip4(proto, 0, nil, payload) }

// v6 is an IPv6 packet from 2001:db8::1 to 2001:db8::2, hop limit 64.
func v6(next byte, payload ...[]byte) []byte {
	p := cat(payload...)
	return cat(h("60000000"), be16(len(p)), []byte{next, 64}, src6, dst6, p)
}

// pseudo4 and pseudo6 are the pseudo headers of the addresses above.
func pseudo4(proto byte, n int) []byte { return cat(src4, dst4, []byte{0, proto}, be16(n)) }
func pseudo6(proto byte, n int) []byte {
	return cat(src6, dst6, be16(0), be16(n), []byte{0, 0, 0, proto})
}

// seal puts the checksum over the pseudo header and the segment at byte at of the segment.
func seal(pseudo, segment []byte, at int) []byte {
	copy(segment[at:], plainSum(pseudo, segment))
	return segment
}

// tcpSegment has ports 1234 and 80, sequence number 0x01020304, acknowledgement 0x05060708, PSH and ACK, window 8192.
func tcpSegment(payload string) []byte {
	return cat(be16(1234), be16(80), h("01020304 05060708 5018 2000 0000 0000"), []byte(payload))
}

func tcp4(payload string) []byte {
	return seal(pseudo4(ProtoTCP, 20+len(payload)), tcpSegment(payload), 16)
}

func tcp6(payload string) []byte {
	return seal(pseudo6(ProtoTCP, 20+len(payload)), tcpSegment(payload), 16)
}

// udpDatagram has no checksum.
func udpDatagram(src, dst int, payload []byte) []byte {
	return cat(be16(src), be16(dst), be16(8+len(payload)), be16(0), payload)
}

func udp4(payload string) []byte {
	return seal(pseudo4(ProtoUDP, 8+len(payload)), udpDatagram(5353, 53, []byte(payload)), 6)
}

func udp6(payload string) []byte {
	return seal(pseudo6(ProtoUDP, 8+len(payload)), udpDatagram(5353, 53, []byte(payload)), 6)
}

func icmp4(typ, code byte, payload string) []byte {
	return seal(nil, cat([]byte{typ, code, 0, 0}, h("00010002"), []byte(payload)), 2)
}

func icmp6(typ, code byte, payload string) []byte {
	return seal(pseudo6(ProtoICMPv6, 8+len(payload)), cat([]byte{typ, code, 0, 0}, h("00010002"), []byte(payload)), 2)
}
