package flowtable

import (
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// firstPackets measures the first packet with payload of each end of a flow. Of TCP it is the first copy of the segment
// that holds the byte after the SYN, whatever came before it; of UDP it is the first datagram. Nothing of it is kept.
type firstPackets struct {
	sides slab[[2]firstPacket]
	meter *payload.Meter
}

type firstPacket struct {
	stats payload.Packet
	base  uint32 // TCP, from firstReady on: sequence number of the first byte
}

// add looks at a packet of the end, whose first packet is neither measured nor lost.
func (m *firstPackets) add(state *firstState, end *firstPacket, in *Input) {
	switch in.Proto {
	case packet.ProtoTCP:
		m.addTCP(state, end, in)
	case packet.ProtoUDP:
		if in.PayloadLen > 0 {
			m.measure(state, end, in, 0)
		}
	}
}

// addTCP measures the segment where its first byte is the stream's, or before it. One in fragments is lost, and so may be
// one of which the header was cut.
func (m *firstPackets) addTCP(state *firstState, end *firstPacket, in *Input) {
	if in.Flags&(packet.HeaderCut|packet.FragFirst|packet.FragLater) != 0 {
		*state = firstLost
		return
	}
	seq := in.Seq
	if in.TCPFlags&packet.SYN != 0 {
		seq++
		if *state == firstUnseen {
			*state, end.base = firstReady, seq
		}
	}
	if in.PayloadLen == 0 {
		return
	}
	if *state == firstUnseen {
		*state = firstLost
		return
	}
	before := int64(int32(end.base - seq)) // bytes of the segment before the stream's first, such as a keep-alive's
	if before >= 0 && before < int64(in.PayloadLen) {
		m.measure(state, end, in, uint32(before))
	}
}

// measure looks at the packet's payload but for the first skip bytes. Where not all is known that counts, it is lost.
func (m *firstPackets) measure(state *firstState, end *firstPacket, in *Input, skip uint32) {
	length := in.PayloadLen - skip
	n := min(length, payload.PacketBytes)
	*state = firstLost
	if in.Flags&(packet.FragFirst|packet.FragLater) == 0 && in.PayloadCap >= skip+n {
		*state = firstDone
		end.stats = m.meter.Packet(in.Captured[skip:], int(length), in.Proto == packet.ProtoUDP)
	}
}
