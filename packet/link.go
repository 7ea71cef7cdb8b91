package packet

import "encoding/binary"

// LINKTYPE_ numbers that Decode reads, with the synonyms that old captures bear.
const (
	LinkNull     = 0   // BSD loopback: address family in the capturing host's byte order
	LinkEthernet = 1   // Ethernet II and 802.3
	LinkPPP      = 9   // PPP, with or without address and control bytes
	LinkRawBSD   = 12  // raw IP, DLT_RAW on most systems
	LinkRawOBSD  = 14  // raw IP, DLT_RAW on OpenBSD
	LinkPPPHDLC  = 50  // PPP in HDLC-like framing, or Cisco HDLC
	LinkRaw      = 101 // raw IP
	LinkCHDLC    = 104 // Cisco HDLC
	LinkLoop     = 108 // OpenBSD loopback: address family in network byte order
	LinkSLL      = 113 // Linux cooked
	LinkPPI      = 192 // per-packet information, then a frame of the link type it names
	LinkIPv4     = 228 // raw IPv4
	LinkIPv6     = 229 // raw IPv6
	LinkSLL2     = 276 // Linux cooked, version 2
)

// EtherTypes, and the largest value of that field which is a length instead (IEEE 802.3).
const (
	etherMaxLength = 1500
	etherIPv4      = 0x0800
	etherARP       = 0x0806
	etherVLAN      = 0x8100
	etherBridged   = 0x6558 // a whole Ethernet frame (GRE, Geneve)
	etherIPv6      = 0x86dd
	etherPPP       = 0x880b // PPP in GRE
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherPPPoE     = 0x8864 // session stage
	etherERSPAN2   = 0x88be
	etherERSPAN3   = 0x22eb
	etherQinQ      = 0x88a8
	etherQinQOld   = 0x9100
)

// KnowsLink reports whether Decode reads frames of the given LINKTYPE.
func KnowsLink(link uint16) bool {
	switch link {
	case LinkNull, LinkEthernet, LinkPPP, LinkRawBSD, LinkRawOBSD, LinkPPPHDLC, LinkRaw, LinkCHDLC, LinkLoop, LinkSLL,
		LinkPPI, LinkIPv4, LinkIPv6, LinkSLL2:
		return true
	}
	return false
}

// link decodes a frame of the given link type that starts at off.
func (d *decoder) link(p *Packet, link uint16, off int) Verdict {
	b := d.frame[min(off, len(d.frame)):]
	switch link {
	case LinkEthernet:
		return d.ethernet(p, off)
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		return d.rawIP(p, off)
	case LinkIPv4:
		return d.ipv4(p, off)
	case LinkIPv6:
		return d.ipv6(p, off)
	case LinkNull, LinkLoop:
		return d.loopback(p, b, off)
	case LinkSLL:
		if len(b) < 16 {
			return Truncated
		}
		return d.cooked(p, off+16, binary.BigEndian.Uint16(b[14:]))
	case LinkSLL2:
		if len(b) < 20 {
			return Truncated
		}
		return d.cooked(p, off+20, binary.BigEndian.Uint16(b))
	case LinkPPP, LinkPPPHDLC, LinkCHDLC:
		return d.hdlc(p, off)
	case LinkPPI:
		if len(b) < 8 {
			return Truncated
		}
		if !d.tag() {
			return TooManyTags
		}
		size, inner := binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
		if inner > 0xffff {
			return UnknownLink
		}
		return d.link(p, uint16(inner), off+max(8, int(size)))
	}
	return UnknownLink
}

// rawIP decodes an IP packet that nothing announces: the version nibble decides.
func (d *decoder) rawIP(p *Packet, off int) Verdict {
	if off >= len(d.frame) {
		return Truncated
	}
	switch d.frame[off] >> 4 {
	case 4:
		return d.ipv4(p, off)
	case 6:
		return d.ipv6(p, off)
	}
	return BadVersion
}

// loopback decodes the four-byte header of LINKTYPE_NULL and LINKTYPE_LOOP. The family is in the byte order of
// whichever host captured; its upper half is 0, which tells the order. AF_INET6 differs from system to system.
func (d *decoder) loopback(p *Packet, b []byte, off int) Verdict {
	if len(b) < 4 {
		return Truncated
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(b)
	}
	switch family {
	case 2: // AF_INET everywhere
		return d.ipv4(p, off+4)
	case 10, 23, 24, 28, 30: // AF_INET6: Linux; Windows; NetBSD and OpenBSD; FreeBSD; Darwin
		return d.ipv6(p, off+4)
	}
	if family > etherMaxLength && family <= 0xffff { // some devices put an EtherType there
		return d.etherType(p, off+4, uint16(family))
	}
	return NonIP
}

// cooked decodes what follows a Linux cooked header, whose protocol is an EtherType or one of Linux's own numbers.
func (d *decoder) cooked(p *Packet, off int, protocol uint16) Verdict {
	const linux8022 = 4 // ETH_P_802_2: a frame that starts with LLC
	if protocol == linux8022 {
		return d.llc(p, off)
	}
	if protocol <= etherMaxLength {
		return NonIP
	}
	return d.etherType(p, off, protocol)
}

// ethernet decodes an Ethernet frame that starts at off.
func (d *decoder) ethernet(p *Packet, off int) Verdict {
	if len(d.frame) < off+14 {
		return Truncated
	}
	return d.etherType(p, off+14, binary.BigEndian.Uint16(d.frame[off+12:]))
}

// etherType decodes what follows an EtherType (or an 802.3 length), tags first.
func (d *decoder) etherType(p *Packet, off int, t uint16) Verdict {
	for t == etherVLAN || t == etherQinQ || t == etherQinQOld {
		if !d.tag() {
			return TooManyTags
		}
		if len(d.frame) < off+4 {
			return Truncated
		}
		if p.Flags&HasVLAN == 0 {
			p.Flags |= HasVLAN
			p.VLAN = binary.BigEndian.Uint16(d.frame[off:]) & 0x0fff
		}
		t = binary.BigEndian.Uint16(d.frame[off+2:])
		off += 4
	}
	switch t {
	case etherIPv4:
		return d.ipv4(p, off)
	case etherIPv6:
		return d.ipv6(p, off)
	case etherMPLS, etherMPLSMulti:
		return d.mpls(p, off)
	case etherPPPoE:
		return d.pppoe(p, off)
	}
	if t <= etherMaxLength {
		return d.llc(p, off)
	}
	return NonIP
}

// llc decodes an IEEE 802.2 header: SNAP with an EtherType, or the service access point of IP.
func (d *decoder) llc(p *Packet, off int) Verdict {
	if len(d.frame) < off+3 {
		return Truncated
	}
	const unnumbered = 3
	b := d.frame[off:]
	switch {
	case b[2] != unnumbered:
		return NonIP
	case b[0] == 0x06 && b[1] == 0x06:
		return d.rawIP(p, off+3)
	case b[0] != 0xaa || b[1] != 0xaa:
		return NonIP
	case !d.tag():
		return TooManyTags
	case len(b) < 8:
		return Truncated
	case b[3] != 0 || b[4] != 0 || b[5] != 0 && b[5] != 0xf8: // RFC 1042 and IEEE 802.1H
		return NonIP
	}
	t := binary.BigEndian.Uint16(b[6:])
	if t <= etherMaxLength {
		return NonIP
	}
	return d.etherType(p, off+8, t)
}

// mpls decodes a label stack (RFC 3032). Nothing says what is under the last label: the first nibble of an IP packet
// does, as routers themselves look at it; 0 begins a control word (RFC 4385), else it is an Ethernet pseudowire.
func (d *decoder) mpls(p *Packet, off int) Verdict {
	for bottom := false; !bottom; off += 4 {
		if !d.tag() {
			return TooManyTags
		}
		if len(d.frame) < off+4 {
			return Truncated
		}
		bottom = d.frame[off+2]&1 != 0
	}
	if off >= len(d.frame) {
		return Truncated
	}
	nibble := d.frame[off] >> 4
	switch {
	case nibble == 0 && d.looksEthernet(off+4):
		return d.ethernet(p, off+4)
	case nibble == 4 && d.frame[off]&15 >= 5:
		return d.ipv4(p, off)
	case nibble == 6 && !d.looksEthernet(off):
		return d.ipv6(p, off)
	case d.looksEthernet(off):
		return d.ethernet(p, off)
	case len(d.frame) < off+18:
		return Truncated
	}
	return NonIP
}

// looksEthernet reports whether a frame at off would have an EtherType that is found in pseudowires.
func (d *decoder) looksEthernet(off int) bool {
	if len(d.frame) < off+14 {
		return false
	}
	switch binary.BigEndian.Uint16(d.frame[off+12:]) {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, etherQinQOld, etherMPLS, etherPPPoE:
		return true
	}
	return false
}

// pppoe decodes a PPPoE session header (RFC 2516).
func (d *decoder) pppoe(p *Packet, off int) Verdict {
	if !d.tag() {
		return TooManyTags
	}
	if len(d.frame) < off+6 {
		return Truncated
	}
	if d.frame[off] != 0x11 {
		return BadPPPoE
	}
	return d.ppp(p, off+6)
}

// hdlc decodes the frames of LINKTYPE_PPP and LINKTYPE_PPP_HDLC: Cisco HDLC where the first byte is its unicast or
// broadcast address, else PPP with or without the address and control bytes (RFC 1662).
func (d *decoder) hdlc(p *Packet, off int) Verdict {
	if len(d.frame) < off+2 {
		return Truncated
	}
	a, c := d.frame[off], d.frame[off+1]
	if (a == 0x0f || a == 0x8f) && c == 0 {
		if len(d.frame) < off+4 {
			return Truncated
		}
		return d.etherType(p, off+4, binary.BigEndian.Uint16(d.frame[off+2:]))
	}
	if a == 0xff && c == 0x03 {
		off += 2
	}
	return d.ppp(p, off)
}

// ppp decodes from the PPP protocol field on, which may be compressed to its odd lower byte (RFC 1661).
func (d *decoder) ppp(p *Packet, off int) Verdict {
	if len(d.frame) <= off {
		return Truncated
	}
	protocol := uint16(d.frame[off])
	off++
	if protocol&1 == 0 {
		if len(d.frame) <= off {
			return Truncated
		}
		protocol = protocol<<8 | uint16(d.frame[off])
		off++
	}
	switch protocol {
	case 0x0021:
		return d.ipv4(p, off)
	case 0x0057:
		return d.ipv6(p, off)
	case 0x0281, 0x0283:
		return d.mpls(p, off)
	}
	return NonIP
}
