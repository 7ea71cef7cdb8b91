package packet

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	noChecksum [4]byte // what stands in place of the SCTP checksum while it is computed; never written
)

// sum16 returns the ones' complement sum of b as big-endian 16-bit words, the last one padded with a zero byte
// (RFC 1071), added to the partial sum start. The sum is the same in either byte order but for the order of its own
// two bytes, so the words are read in the machine's order, eight bytes at a time, and swapped once. Each 64 bytes have their own
// chain of carries, so that they need not wait for each other.
func sum16(b []byte, start uint32) uint16 {
	var sum, carry uint64
	if tail := len(b) & 7; tail > 0 && len(b) >= 8 { // the bytes behind the last whole word, above those read twice
		sum = binary.LittleEndian.Uint64(b[len(b)-8:]) >> (64 - 8*tail)
	} else if tail > 0 {
		for i, c := range b {
			sum |= uint64(c) << (8 * i)
		}
	}
	for len(b) >= 64 {
		w := b[:64]
		part, over := bits.Add64(binary.LittleEndian.Uint64(w[0:]), binary.LittleEndian.Uint64(w[8:]), 0)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[16:]), over)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[24:]), over)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[32:]), over)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[40:]), over)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[48:]), over)
		part, over = bits.Add64(part, binary.LittleEndian.Uint64(w[56:]), over)
		sum, over = bits.Add64(sum, part+over, 0) // with a carry, part is not the largest number
		sum += over
		b = b[64:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), carry)
		b = b[8:]
	}
	sum, carry = bits.Add64(sum, 0, carry)
	folded := fold(sum + carry)
	return fold(uint64(bits.ReverseBytes16(folded)) + uint64(start))
}

// fold adds the carries beyond 16 bits back in, without a branch that sums would take at random.
func fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff // below 2^33
	sum = sum>>16 + sum&0xffff     // below 2^18
	sum = sum>>16 + sum&0xffff     // below 2^16 + 3
	return uint16(sum>>16 + sum)
}

// goodHeader is sum16(header, 0) == 0xffff for a header without options, 20 bytes.
func goodHeader(header []byte) bool {
	a, b := binary.LittleEndian.Uint64(header), binary.LittleEndian.Uint64(header[8:])
	return fold(a>>32+a&0xffffffff+b>>32+b&0xffffffff+uint64(binary.LittleEndian.Uint32(header[16:20]))) == 0xffff
}

// words returns the sum of the address's 16-bit words; of an IPv4 address only its own two.
func (a Addr) words(version uint8) uint32 {
	lo := uint32(a.Lo>>16&0xffff) + uint32(a.Lo&0xffff)
	if version == 4 {
		return lo
	}
	return lo + uint32(a.Lo>>48) + uint32(a.Lo>>32&0xffff) +
		uint32(a.Hi>>48) + uint32(a.Hi>>32&0xffff) + uint32(a.Hi>>16&0xffff) + uint32(a.Hi&0xffff)
}

// verifyIPv4 checks the header's own sum, and notes a source route, under which the transport's sum is over another
// destination. A header without a length is still the sender's: the interface would have filled in both.
func (d *decoder) verifyIPv4(p *Packet, header []byte) {
	if p.Flags&NoLength == 0 && !(len(header) == 20 && goodHeader(header)) && sum16(header, 0) != 0xffff {
		p.Flags |= BadIPChecksum
	}
	if len(header) == 20 {
		return
	}
	const endOption, noOption, looseRoute, strictRoute = 0, 1, 131, 137
	for o := header[20:]; len(o) >= 2 && o[0] != endOption; {
		switch o[0] {
		case noOption:
			o = o[1:]
			continue
		case looseRoute, strictRoute:
			d.noSum = true
		}
		if o[1] < 2 || int(o[1]) > len(o) {
			return
		}
		o = o[o[1]:]
	}
}

// verifyTransport checks the transport's checksum where the whole segment from off to end was captured. IPv6 allows
// no UDP datagram without a checksum (RFC 8200; the exception that RFC 6935 makes for tunnels is not made here).
func (d *decoder) verifyTransport(p *Packet, off, end int) {
	if end > len(d.frame) || p.Flags&(HeaderCut|BadHeader) != 0 {
		return
	}
	b := d.frame[off:end]
	bad := false
	switch p.Proto {
	case ProtoTCP:
		bad = sum16(b, p.pseudo(len(b))) != 0xffff
	case ProtoUDP:
		if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 && n < len(b) {
			b = b[:n]
		}
		if binary.BigEndian.Uint16(b[6:]) == 0 {
			bad = p.Version == 6 // none was computed, which only IPv4 allows
		} else {
			bad = sum16(b, p.pseudo(len(b))) != 0xffff
		}
	case ProtoICMP:
		bad = sum16(b, 0) != 0xffff
	case ProtoICMPv6:
		bad = sum16(b, p.pseudo(len(b))) != 0xffff
	case ProtoSCTP:
		bad = sctpSum(b) != binary.LittleEndian.Uint32(b[8:])
	}
	if bad {
		p.Flags |= BadChecksum
	}
}

// pseudo returns the partial sum of the pseudo header for a transport segment of n bytes (RFC 9293, 8200).
func (p *Packet) pseudo(n int) uint32 {
	return p.Src.words(p.Version) + p.Dst.words(p.Version) + uint32(p.Proto) + uint32(n>>16) + uint32(n&0xffff)
}

// sctpSum returns the CRC32c of an SCTP packet with its checksum field taken as 0 (RFC 9260, appendix A).
func sctpSum(b []byte) uint32 {
	crc := crc32.Update(0, castagnoli, b[:8])
	crc = crc32.Update(crc, castagnoli, noChecksum[:])
	return crc32.Update(crc, castagnoli, b[12:])
}
