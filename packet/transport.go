package packet

import "encoding/binary"

// transport decodes the transport header at off of a packet that ends at end by its own length, opens a tunnel where
// the options say so, and verifies the checksum. Protocols without ports and payload count end here.
func (d *decoder) transport(p *Packet, proto uint8, off, end int) Verdict {
	p.Proto = proto
	v := OK
	switch proto {
	case ProtoTCP:
		v = d.tcp(p, off, end)
	case ProtoUDP:
		v = d.udp(p, off, end)
	case ProtoICMP, ProtoICMPv6:
		v = d.icmp(p, off, end)
	case ProtoSCTP:
		v = d.sctp(p, off, end)
	}
	if d.open == 0 && !d.verify || v != OK || p.Flags&FragFirst != 0 {
		return v
	}
	if d.verify && !d.noSum {
		d.verifyTransport(p, off, end)
	}
	if d.open != 0 {
		d.openTunnel(p, off, end)
	}
	return v
}

// captured returns the captured bytes from off up to end.
func (d *decoder) captured(off, end int) []byte {
	return d.frame[min(off, len(d.frame)):max(min(off, len(d.frame)), min(end, len(d.frame)))]
}

// payload notes that the payload lies from off to end, as far as it was captured.
func (d *decoder) payload(p *Packet, off, end int) {
	if off > len(d.frame) {
		p.PayloadOff = uint32(len(d.frame))
	} else {
		p.PayloadOff = uint32(off)
	}
	if off >= end {
		return
	}
	p.PayloadLen = uint32(end - off)
	if end <= len(d.frame) {
		p.PayloadCap = uint32(end - off)
		return
	}
	p.PayloadCap = uint32(len(d.frame)) - p.PayloadOff
	p.Flags |= PayloadCut
}

// ports reads the ports of a header that needs size bytes. Where the packet ends before those by its own account, it
// is malformed; where the capture does, or a first fragment does, the ports are enough to count the packet.
func (d *decoder) ports(p *Packet, b []byte, size, off, end int) Verdict {
	if end-off < size && (p.Flags&FragFirst == 0 || end-off < 4) {
		return ShortTransport
	}
	if len(b) < 4 {
		return Truncated
	}
	if len(b) < size {
		p.Flags |= HeaderCut
	}
	p.SrcPort = binary.BigEndian.Uint16(b)
	p.DstPort = binary.BigEndian.Uint16(b[2:])
	return OK
}

// tcp decodes a TCP header (RFC 9293).
func (d *decoder) tcp(p *Packet, off, end int) Verdict {
	if off+20 > min(end, len(d.frame)) {
		return d.tcpCut(p, off, end)
	}
	b := d.frame[off : off+20]
	p.SrcPort = binary.BigEndian.Uint16(b)
	p.DstPort = binary.BigEndian.Uint16(b[2:])
	p.Seq = binary.BigEndian.Uint32(b[4:])
	p.Ack = binary.BigEndian.Uint32(b[8:])
	p.TCPFlags = b[13]
	p.Window = binary.BigEndian.Uint16(b[14:])
	header := int(b[12]>>4) * 4
	if header < 20 || header > end-off && p.Flags&FragFirst == 0 {
		p.Flags |= BadHeader
		header = end - off
	}
	d.payload(p, off+header, end)
	return OK
}

// tcpCut decodes what there is of a TCP header that is not there as a whole.
func (d *decoder) tcpCut(p *Packet, off, end int) Verdict {
	if v := d.ports(p, d.captured(off, end), 20, off, end); v != OK {
		return v
	}
	p.PayloadOff = uint32(min(end, len(d.frame)))
	if end > len(d.frame) {
		p.Flags |= PayloadCut
	}
	return OK
}

// udp decodes a UDP header (RFC 768). The datagram ends where its own length says, or, where that is 0 (jumbograms,
// offload), impossible, or more than there is, with the packet.
func (d *decoder) udp(p *Packet, off, end int) Verdict {
	b := d.captured(off, end)
	if v := d.ports(p, b, 8, off, end); v != OK {
		return v
	}
	if len(b) >= 6 {
		if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 {
			if n < 8 {
				p.Flags |= BadHeader
				n = end - off
			}
			end = min(end, off+n)
		}
	}
	d.payload(p, off+8, end)
	return OK
}

// sctp decodes an SCTP common header (RFC 9260); the chunks are its payload.
func (d *decoder) sctp(p *Packet, off, end int) Verdict {
	if v := d.ports(p, d.captured(off, end), 12, off, end); v != OK {
		return v
	}
	d.payload(p, off+12, end)
	return OK
}

// icmp decodes an ICMP or ICMPv6 header (RFC 792, 4443).
func (d *decoder) icmp(p *Packet, off, end int) Verdict {
	b := d.captured(off, end)
	if end-off < 2 {
		return ShortTransport
	}
	if len(b) < 2 {
		return Truncated
	}
	if len(b) < 8 {
		p.Flags |= HeaderCut
	}
	p.SrcPort = uint16(b[0])
	if reply, ok := ICMPCounterpart(p.Proto, b[0]); ok {
		p.DstPort = uint16(reply)
	} else {
		p.DstPort = uint16(b[1])
		p.Flags |= OneWay
	}
	d.payload(p, off+8, end)
	return OK
}

// ICMPCounterpart returns the message type that answers, or is answered by, type t of ICMP or ICMPv6, as listed by
// Community ID v1.
func ICMPCounterpart(proto, t uint8) (uint8, bool) {
	if proto == ProtoICMP {
		switch t {
		case 0, 8: // echo
			return 8 - t, true
		case 9, 10: // router advertisement, solicitation
			return 19 - t, true
		case 13, 14: // timestamp
			return 27 - t, true
		case 15, 16: // information
			return 31 - t, true
		case 17, 18: // address mask
			return 35 - t, true
		}
		return 0, false
	}
	switch t {
	case 128, 129, // echo
		130, 131, // multicast listener query, report
		144, 145: // home agent address discovery
		return t ^ 1, true
	case 133, 134: // router solicitation, advertisement
		return t ^ 133 ^ 134, true
	case 135, 136: // neighbour solicitation, advertisement
		return t ^ 135 ^ 136, true
	case 139, 140: // node information
		return t ^ 139 ^ 140, true
	}
	return 0, false
}
