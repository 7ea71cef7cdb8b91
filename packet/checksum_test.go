package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestSum16 compares with the two-bytes-at-a-time sum over every length and start around the unrolled loop's steps.
func TestSum16(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	check := func(b []byte, start uint32) {
		t.Helper()
		want := ^binary.BigEndian.Uint16(plainSum(b, padding(b), be16(int(start>>16)), be16(int(start))))
		if got := sum16(b, start); got != want && !(got == 0xffff && want == 0 || got == 0 && want == 0xffff) {
			t.Errorf("%d bytes from %x: %04x, want %04x", len(b), start, got, want)
		}
	}
	for n := range b {
		check(b[:n], 0)
		check(b[len(b)-n:], rng.Uint32())
	}
	full := make([]byte, 200)
	for i := range full {
		full[i] = 0xff
	}
	for n := range full {
		check(full[:n], 0xffffffff)
	}
	// The example of RFC 1071, section 3.
	if got := sum16(h("0001 f203 f4f5 f6f7"), 0); got != 0xddf2 {
		t.Errorf("the RFC's example: %04x", got)
	}
}

// padding is the zero byte that makes b's length even.
func padding(b []byte) []byte { return make([]byte, len(b)%2) }

// TestSCTPChecksum: CRC32c of "123456789" is 0xe3069283 in every catalogue of CRCs; the packet is that text with the
// checksum field cut into it, so the value was computed apart, by bitwise division.
func TestSCTPChecksum(t *testing.T) {
	b := h("0900 0901 00000001 00000000 0e000004")
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78*(crc&1)
		}
	}
	if got := sctpSum(b); got != ^crc {
		t.Errorf("%08x, want %08x", got, ^crc)
	}
}

// TestChecksums: each protocol's sum, right and with one bit flipped, at each place where that is to be noticed.
func TestChecksums(t *testing.T) {
	sctp := h("0900 0901 00000001 00000000 0e000004")
	binary.LittleEndian.PutUint32(sctp[8:], sctpSum(sctp))
	odd := "odd length"[:9]
	for name, frame := range map[string][]byte{
		"tcp":         v4(ProtoTCP, tcp4(hello)),
		"tcp options": ip4(ProtoTCP, 0, h("01010104 94040000"), tcp4(hello)),
		"tcp6":        v6(ProtoTCP, tcp6(hello)),
		"udp":         v4(ProtoUDP, udp4(odd)),
		"udp6":        v6(ProtoUDP, udp6(hello)),
		"udp6 behind": v6(60, h("1100 010400000000"), udp6(odd)),
		"icmp":        v4(ProtoICMP, icmp4(8, 0, odd)),
		"icmp6":       v6(ProtoICMPv6, icmp6(128, 0, hello)),
		"sctp":        v4(ProtoSCTP, sctp),
	} {
		verify := func() Flags {
			var p Packet
			if v := Decode(&p, LinkRaw, frame, 0, Options{Checksums: true}); v != OK {
				t.Fatalf("%s: %v", name, v)
			}
			return p.Flags & (BadIPChecksum | BadChecksum)
		}
		if got := verify(); got != 0 {
			t.Errorf("%s: a right checksum is refused: %b", name, got)
		}
		frame[len(frame)-1] ^= 4
		if got := verify(); got != BadChecksum {
			t.Errorf("%s: a bit of the payload flipped: %b", name, got)
		}
		frame[len(frame)-1] ^= 4
		if frame[0]>>4 == 4 {
			frame[8]-- // TTL
			if got := verify(); got != BadIPChecksum {
				t.Errorf("%s: another TTL: %b", name, got)
			}
		}
	}
}

// TestUnverified: where the sum cannot be known, it is not called bad.
func TestUnverified(t *testing.T) {
	wrong := tcpSegment(hello) // checksum 0
	offload := v4(ProtoTCP, tcpSegment(hello))
	copy(offload[2:], be16(0))
	for _, c := range []struct {
		name  string
		frame []byte
		cut   int
		want  Flags
	}{
		{"whole", v4(ProtoTCP, wrong), 0, BadChecksum},
		{"cut", v4(ProtoTCP, wrong), 1, 0},
		{"first fragment", ip4(ProtoTCP, 0x2000, nil, wrong), 0, 0},
		{"later fragment", ip4(ProtoTCP, 1, nil, wrong), 0, 0},
		{"source route", ip4(ProtoTCP, 0, h("83070408080808 00"), wrong), 0, 0},
		{"offload", offload, 0, 0},
		{"routing header", v6(43, h("0602 0001 00000000"), dst6, wrong), 0, 0},
		{"udp without one", v4(ProtoUDP, udpDatagram(1, 2, nil)), 0, 0},
		{"udp without one on ipv6", v6(ProtoUDP, udpDatagram(1, 2, nil)), 0, BadChecksum},
	} {
		var p Packet
		b := c.frame[:len(c.frame)-c.cut]
		if v := Decode(&p, LinkRaw, b, uint32(len(c.frame)), Options{Checksums: true}); v != OK {
			t.Errorf("%s: %v", c.name, v)
		}
		if got := p.Flags & (BadIPChecksum | BadChecksum); got != c.want {
			t.Errorf("%s: %b, want %b", c.name, got, c.want)
		}
	}
}
