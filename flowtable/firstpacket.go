package flowtable

import (
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// firstPackets measures the first packet with payload of each end of a flow. Of TCP it is the first copy of the segment
// that holds the byte after the SYN, whatever came before it; of UDP it is the first datagram. Nothing of it is kept.
type firstPackets struct {
	stats    slab[[2]payload.Packet]
	meter    *payload.Meter
	interest *Interest // nil: in all
}

// add looks at a packet of end d, whose first packet is neither measured nor lost. base is the sequence number of the end's first
// byte, from firstReady on.
func (m *firstPackets) add(f *flow, d int, base *uint32, ends *[2]payload.Packet, in *Input) {
	switch in.Proto {
	case packet.ProtoTCP:
		m.addTCP(f, d, base, ends, in)
	case packet.ProtoUDP:
		if in.PayloadLen > 0 {
			f.told.setPacket(d, m.measure(f, d, ends, in, 0))
		}
	}
}

// addTCP measures the segment where its first byte is the stream's, or before it. One in fragments is lost, and so may be
// one of which the header was cut.
func (m *firstPackets) addTCP(f *flow, d int, base *uint32, ends *[2]payload.Packet, in *Input) {
	told := &f.told
	if in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0 {
		told.setPacket(d, firstLost)
		return
	}
	seq := in.Seq
	if in.TCPFlags&packet.SYN != 0 {
		seq++
		if told.packet(d) == firstUnseen {
			told.setPacket(d, firstReady)
			*base = seq
		}
	}
	if in.PayloadLen == 0 {
		return
	}
	if told.packet(d) == firstUnseen {
		told.setPacket(d, firstLost)
		return
	}
	before := int64(int32(*base - seq)) // bytes of the segment before the stream's first, such as a keep-alive's
	if before >= 0 && before < int64(in.PayloadLen) {
		told.setPacket(d, m.measure(f, d, ends, in, uint32(before)))
	}
}

// measure looks at the packet's payload but for the first skip bytes. Where not all is known that counts, it is lost.
func (m *firstPackets) measure(f *flow, d int, ends *[2]payload.Packet, in *Input, skip uint32) firstState {
	length := in.PayloadLen - skip
	n := min(length, payload.PacketBytes)
	if in.Flags&(packet.FragFirst|packet.FragLater) != 0 || in.PayloadCap < skip+n {
		return firstLost
	}
	b, udp := in.Captured[skip:], in.Proto == packet.ProtoUDP
	framing := payload.FramingOf(b, int(length), udp)
	if m.interest != nil {
		if udp && !m.interest.Framings.Has(framing) {
			return firstLost
		}
		ends[d] = payload.Packet{Length: uint16(n), Framing: framing}
		if !m.wantsWhole(f, d, ends) {
			return firstDone
		}
	}
	ends[d] = m.meter.Framed(b, framing)
	return firstDone
}

// wantsWhole says whether more than framing and length of the first packet of end d, which are known, are of interest.
func (m *firstPackets) wantsWhole(f *flow, d int, ends *[2]payload.Packet) bool {
	whole := m.interest.Whole
	if f.proto != packet.ProtoTCP || f.bits.clientBy() != BySYN { // or it may turn out not to be the client
		return whole != 0 && f.proto == packet.ProtoTCP
	}
	if client := f.bits.client(); client == d || f.told.packet(client) == firstDone {
		return whole.Has(ends[client].Framing)
	}
	return whole != 0
}
