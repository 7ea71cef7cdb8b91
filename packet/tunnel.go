package packet

import "encoding/binary"

// UDP ports of the tunnels.
const (
	portVXLAN      = 4789
	portVXLANLinux = 8472 // what Linux used before the assignment, and still does by default
	portGeneve     = 6081
	portGTPU       = 2152
	portTeredo     = 3544
)

// openTunnel replaces p by the packet inside it, where the options name its tunnel and the inside decodes. off is
// the outer transport header, end the outer packet's end by its own length.
func (d *decoder) openTunnel(p *Packet, off, end int) {
	switch p.Proto {
	case ProtoTCP:
	case ProtoUDP:
		if d.open&udpTunnels != 0 && p.Flags&HeaderCut == 0 {
			d.openUDP(p, off+8, off+8+int(p.PayloadLen))
		}
	case protoGRE:
		if d.open&TunnelGRE != 0 {
			d.openGRE(p, off, end)
		}
	case protoIPv4, protoIPv6:
		if d.open&TunnelIPIP != 0 {
			d.enter(p, off, end, insideIP(p.Proto))
		}
	}
}

// inside says how to read what a tunnel carries: an EtherType, except the two below.
type inside uint16

const (
	insideRaw      inside = 0 // IP of either version
	insideEthernet inside = etherBridged
	insidePPP      inside = etherPPP
)

func insideIP(proto uint8) inside {
	if proto == protoIPv4 {
		return etherIPv4
	}
	return etherIPv6
}

// enter decodes the bytes from off to end as an inner packet and puts it in the place of the outer one, if it is
// sound. The outermost VLAN id stays, and so do the outer checksums' verdicts.
func (d *decoder) enter(p *Packet, off, end int, kind inside) {
	if d.tunnels >= maxTunnels || off >= end {
		return
	}
	in := decoder{
		frame:   d.frame[:min(end, len(d.frame))],
		wire:    end,
		open:    d.open,
		verify:  d.verify,
		tags:    d.tags,
		tunnels: d.tunnels + 1,
	}
	inner := Packet{VLAN: p.VLAN, Flags: p.Flags&(HasVLAN|BadIPChecksum|BadChecksum) | Tunnelled}
	v := NonIP
	switch kind {
	case insideRaw:
		v = in.rawIP(&inner, off)
	case insideEthernet:
		v = in.ethernet(&inner, off)
	case insidePPP:
		v = in.hdlc(&inner, off)
	default:
		v = in.etherType(&inner, off, uint16(kind))
	}
	if v == OK {
		*p = inner
	}
}

// openUDP opens the tunnel that one of the ports names. The payload lies from off to end.
func (d *decoder) openUDP(p *Packet, off, end int) {
	b := d.captured(off, end)
	either := func(port uint16) bool { return p.DstPort == port || p.SrcPort == port }
	switch t := d.open; {
	case t&TunnelVXLAN != 0 && (either(portVXLAN) || either(portVXLANLinux)):
		const validID = 0x08
		if len(b) > 8 && b[0]&validID != 0 && b[7] == 0 {
			d.enter(p, off+8, end, insideEthernet)
		}
	case t&TunnelGeneve != 0 && either(portGeneve):
		if len(b) > 8 && b[0]>>6 == 0 {
			d.enter(p, off+8+int(b[0]&0x3f)*4, end, etherInside(binary.BigEndian.Uint16(b[2:])))
		}
	case t&TunnelGTPU != 0 && either(portGTPU):
		d.openGTPU(p, b, off, end)
	case t&TunnelTeredo != 0 && either(portTeredo):
		d.openTeredo(p, b, off, end)
	}
}

// etherInside turns a protocol type on the wire into an inside. None of the special values has another meaning there,
// except 0, which means nothing.
func etherInside(t uint16) inside {
	if t <= etherMaxLength {
		return etherARP // never IP
	}
	return inside(t)
}

// openGTPU opens a G-PDU (3GPP TS 29.281, section 5): the tunnelled packet behind optional fields and extension
// headers, which each count their length in units of four bytes and name the next one in their last byte.
func (d *decoder) openGTPU(p *Packet, b []byte, off, end int) {
	const versionMask, version1, gPDU, optional, extension = 0xf0, 0x30, 0xff, 0x07, 0x04
	if len(b) < 8 || b[0]&versionMask != version1 || b[1] != gPDU {
		return
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); off+8+n <= end {
		end = off + 8 + n
	} else {
		return
	}
	at := 8
	if b[0]&optional != 0 {
		if len(b) < 12 {
			return
		}
		at = 12
		next := b[11]
		if b[0]&extension == 0 {
			next = 0
		}
		for i := 0; next != 0; i++ {
			if len(b) <= at || b[at] == 0 || i == maxExtensions || len(b) < at+int(b[at])*4 {
				return
			}
			at += int(b[at]) * 4
			next = b[at-1]
		}
	}
	d.enter(p, off+at, end, insideRaw)
}

// openTeredo opens an IPv6 packet behind optional authentication and origin indications (RFC 4380, section 5.1.1).
// Its length must be exactly what is left: other traffic uses the port too.
func (d *decoder) openTeredo(p *Packet, b []byte, off, end int) {
	const indicators, authentication, origin = 0x00, 0x01, 0x00
	at := 0
	if len(b) >= 4 && b[0] == indicators && b[1] == authentication {
		at = 4 + int(b[2]) + int(b[3]) + 9 // identifier, authentication value, nonce and confirmation
	}
	if len(b) >= at+8 && b[at] == indicators && b[at+1] == origin {
		at += 8
	}
	if len(b) < at+40 || b[at]>>4 != 6 || int(binary.BigEndian.Uint16(b[at+4:]))+40 != end-off-at {
		return
	}
	d.enter(p, off+at, end, etherIPv6)
}

// openGRE opens GRE (RFC 2784 with the key and sequence number of RFC 2890; NVGRE is that with Ethernet inside) and
// PPTP's version 1 (RFC 2637). Source routes (RFC 1701) are not read.
func (d *decoder) openGRE(p *Packet, off, end int) {
	const checksum, routing, key, sequence, acknowledged, version = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x0007
	b := d.captured(off, end)
	if len(b) < 4 {
		return
	}
	flags, t := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	size := 4
	for _, field := range [...]uint16{checksum, key, sequence} {
		if flags&field != 0 {
			size += 4
		}
	}
	switch {
	case flags&routing != 0 || flags&version > 1:
	case flags&version == 1:
		if flags&acknowledged != 0 {
			size += 4
		}
		if t == etherPPP && flags&key != 0 && flags&sequence != 0 {
			d.enter(p, off+size, end, insidePPP)
		}
	case t == etherERSPAN2 || t == etherERSPAN3:
		d.openERSPAN(p, b, t, flags&sequence != 0, off, size, end)
	default:
		d.enter(p, off+size, end, etherInside(t))
	}
}

// openERSPAN opens a mirrored Ethernet frame (draft-foschiano-erspan-03) behind the GRE header b of size bytes: type
// I has no header of its own (and no sequence number), type II one of 8 bytes, type III 12 and perhaps 8 more.
func (d *decoder) openERSPAN(p *Packet, b []byte, t uint16, sequenced bool, off, size, end int) {
	switch {
	case t == etherERSPAN2 && sequenced:
		size += 8
	case t == etherERSPAN3:
		if len(b) < size+12 {
			return
		}
		size += 12 + int(b[size+11]&1)*8
	}
	d.enter(p, off+size, end, insideEthernet)
}
