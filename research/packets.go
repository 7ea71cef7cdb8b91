package research

import (
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/research/covertmark"
)

// seenPackets is how many of a flow's first packets with payload the packet tests see.
const seenPackets = 25

// PacketCollector tests the payloads of labelled TCP packets, of each flow the first. One goroutine uses it; what it has
// collected may be asked for when that is done.
type PacketCollector struct {
	joiner *Joiner
	tester *covertmark.Tester
	flows  map[int][]covertmark.Packet // by row of the labels
}

// NewPacketCollector returns one for a capture.
func NewPacketCollector(l *Labels) *PacketCollector {
	return &PacketCollector{joiner: NewJoiner(l, nil, nil), tester: covertmark.NewTester(), flows: map[int][]covertmark.Packet{}}
}

// Add takes a packet of time ts, ns since the epoch. Payload is what was captured of it, borrowed until Add returns.
func (c *PacketCollector) Add(p *packet.Packet, ts int64, payload []byte) {
	if p.Proto != packet.ProtoTCP || p.PayloadLen == 0 || p.Flags&(packet.FragFirst|packet.FragLater|packet.HeaderCut) != 0 {
		return
	}
	row, ok := c.joiner.row(&flowtable.Record{Client: p.Src, Server: p.Dst, ClientPort: p.SrcPort, ServerPort: p.DstPort,
		Proto: p.Proto, Version: p.Version, Start: ts, End: ts})
	if !ok || len(c.flows[row]) == seenPackets {
		return
	}
	c.flows[row] = append(c.flows[row], c.tester.Test(payload, int(p.PayloadLen)))
}
