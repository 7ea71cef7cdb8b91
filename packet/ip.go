package packet

import "encoding/binary"

// Protocol numbers of what may stand between the IP header and the transport, or carry another packet.
const (
	protoHopByHop = 0
	protoIPv4     = 4
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoNone     = 59
	protoDestOpts = 60
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

// ipv4 decodes an IPv4 packet (RFC 791) that starts at off. An authentication header (RFC 4302), an extension header
// in IPv6, is a protocol of its own here, as other flow tools count it.
func (d *decoder) ipv4(p *Packet, off int) Verdict {
	b := d.frame[min(off, len(d.frame)):]
	if len(b) < 20 {
		if len(b) > 0 && b[0]>>4 != 4 {
			return BadVersion
		}
		return Truncated
	}
	header := 20
	if b[0] != 0x45 {
		if b[0]>>4 != 4 {
			return BadVersion
		}
		if header = int(b[0]&15) * 4; header < 20 {
			return BadHeaderLength
		}
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total < header {
		if total != 0 {
			return BadTotalLength
		}
		total = d.wire - off
		p.Flags |= NoLength
		d.noSum = true
	}
	p.Version = 4
	p.IPOff = uint32(off)
	p.TTL = b[8]
	p.Length = uint32(total)
	p.Src = AddrFrom4(b[12:16])
	p.Dst = AddrFrom4(b[16:20])
	if len(b) < header {
		return Truncated
	}
	if d.verify {
		d.verifyIPv4(p, b[:header])
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	if fragment&0x3fff != 0 { // more to come, or an offset
		p.FragID = uint32(binary.BigEndian.Uint16(b[4:]))
		if fragment&0x1fff != 0 {
			d.laterFragment(p, b[9], off+header, off+total)
			return OK
		}
		p.Flags |= FragFirst
	}
	return d.transport(p, b[9], off+header, off+total)
}

// ipv6 decodes an IPv6 packet (RFC 8200) that starts at off.
func (d *decoder) ipv6(p *Packet, off int) Verdict {
	b := d.frame[min(off, len(d.frame)):]
	if len(b) < 40 {
		if len(b) > 0 && b[0]>>4 != 6 {
			return BadVersion
		}
		return Truncated
	}
	if b[0]>>4 != 6 {
		return BadVersion
	}
	next := b[6]
	total := int(binary.BigEndian.Uint16(b[4:])) + 40
	if total == 40 && next != protoNone {
		total = d.longLength(p, b, d.wire-off)
	}
	p.Version = 6
	p.IPOff = uint32(off)
	p.TTL = b[7]
	p.Length = uint32(total)
	p.Src = AddrFrom16(b[8:24])
	p.Dst = AddrFrom16(b[24:40])
	switch next {
	case ProtoTCP, ProtoUDP, ProtoICMPv6:
		return d.transport(p, next, off+40, off+total)
	}
	return d.extensions(p, next, off+40, off+total)
}

// longLength returns the total length of the IPv6 packet b whose payload length is 0: what its jumbo payload option
// says (RFC 2675), else the rest of the frame, as segmentation offload leaves it.
func (d *decoder) longLength(p *Packet, b []byte, rest int) int {
	const jumboOption, jumboLength = 0xc2, 4
	if b[6] == protoHopByHop && len(b) >= 48 && b[42] == jumboOption && b[43] == jumboLength {
		if n := binary.BigEndian.Uint32(b[44:]); n > 0xffff && n < 1<<31 {
			return int(n) + 40
		}
	}
	if rest > 40 {
		p.Flags |= NoLength
		d.noSum = true
	}
	return rest
}

// extensions skips the IPv6 extension headers that begin at off with the one numbered next, in a packet that ends at
// end by its own length, and decodes the transport behind them.
func (d *decoder) extensions(p *Packet, next uint8, off, end int) Verdict {
	for range maxExtensions {
		size := 0 // in bytes; the second byte of the header counts it in units
		b := d.frame[min(off, len(d.frame)):]
		switch next {
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6:
			if len(b) >= 2 {
				size = (int(b[1]) + 1) * 8
			}
		case protoAH:
			if len(b) >= 2 {
				size = (int(b[1]) + 2) * 4
			}
		case protoFragment:
			size = 8
		default:
			return d.transport(p, next, off, end)
		}
		p.Proto = next
		switch {
		case off+max(size, 2) > end:
			return BadExtension
		case len(b) < max(size, 2):
			return Truncated
		case next == protoFragment:
			if d.fragment(p, b, off+8, end) {
				return OK
			}
		case next == protoRouting && b[3] != 0: // segments left: the checksum is over the last one's address
			d.noSum = true
		case next == protoMobility && b[0] == protoNone: // the message is all there is (RFC 6275)
			return OK
		}
		next = b[0]
		off += size
	}
	return TooManyHeaders
}

// fragment reads an IPv6 fragment header and reports whether it was that of a later fragment, so that the packet is
// done. A packet in one piece that bears the header nevertheless (RFC 6946) is no fragment.
func (d *decoder) fragment(p *Packet, b []byte, off, end int) (done bool) {
	position := binary.BigEndian.Uint16(b[2:])
	if position&0xfff9 == 0 {
		return false
	}
	p.FragID = binary.BigEndian.Uint32(b[4:])
	if position&0xfff8 == 0 {
		p.Flags |= FragFirst
		return false
	}
	d.laterFragment(p, b[0], off, end)
	return true
}

// laterFragment ends the decoding of a fragment without a transport header: its bytes from off to end are payload.
func (d *decoder) laterFragment(p *Packet, proto uint8, off, end int) {
	p.Flags |= FragLater
	p.Proto = proto
	switch proto {
	case ProtoTCP, ProtoUDP, ProtoSCTP, ProtoICMP, ProtoICMPv6:
		d.payload(p, off, end)
	}
}
