package features

import "github.com/weir-sensor/weir/packet"

// LengthPicker counts the payload lengths of one protocol's packets for clustering. Every packet given to Add ends in
// exactly one of the counters after Packets. It is used by one goroutine.
type LengthPicker struct {
	MaxLength uint32 // longer payloads are left out, bytes; at most MaxClusterLength
	TLSOnly   bool   // payloads that do not begin with a TLS record header are left out

	Lengths    Lengths
	Packets    uint64 // given to Add
	Counted    uint64 // in Lengths
	Fragments  uint64 // the first one of a packet too: its payload is not the whole
	CutHeaders uint64 // the capture ends inside the transport header
	Empty      uint64 // without payload; TCP packets with an impossible data offset, too
	CutTLS     uint64 // with TLSOnly: the capture ends inside the payload's first five bytes
	NotTLS     uint64 // with TLSOnly
	Longer     uint64 // payloads longer than MaxLength
}

// Add counts the packet's payload length, which is that of the headers. Payload is what was captured of it, borrowed
// until Add returns. It does not allocate.
func (l *LengthPicker) Add(p *packet.Packet, payload []byte) {
	l.Packets++
	switch {
	case p.Flags&(packet.FragFirst|packet.FragLater) != 0:
		l.Fragments++
	case p.Flags&packet.HeaderCut != 0:
		l.CutHeaders++
	case p.PayloadLen == 0:
		l.Empty++
	case l.TLSOnly && len(payload) < tlsRecordHeader && p.PayloadLen >= tlsRecordHeader:
		l.CutTLS++
	case l.TLSOnly && !beginsTLSRecord(payload):
		l.NotTLS++
	case p.PayloadLen > l.MaxLength:
		l.Longer++
	default:
		l.Counted++
		l.Lengths.Add(p.PayloadLen)
	}
}

const tlsRecordHeader = 5 // bytes

// beginsTLSRecord says whether the payload begins with the header of a TLS record (RFC 8446, section 5.1): content type 20
// (change_cipher_spec) to 23 (application_data), version 3.0 (SSL 3) to 3.4, and a length, which may be any.
func beginsTLSRecord(payload []byte) bool {
	return len(payload) >= tlsRecordHeader && payload[0] >= 20 && payload[0] <= 23 && payload[1] == 3 && payload[2] <= 4
}
