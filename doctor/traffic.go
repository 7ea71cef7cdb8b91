package doctor

import (
	"bytes"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/packet"
)

// Options say what the frames are compared with.
type Options struct {
	MTU uint32 // bytes; longer IP packets were never on the wire as one
	MAC []byte // the capturing interface's own Ethernet address; nil where there is none
}

// stepBack is how far a packet's time may be before that of the one in front of it: receive queues of one card deliver
// packets a little out of order, and clocks are slewed by less.
const stepBack = 10 * time.Millisecond

// The lengths of Ethernet frames that were padded to the least length (64 bytes with the checksum): as they are, and
// where a VLAN tag of 4 bytes was taken out of them.
const (
	leastFrame         = 60
	leastFrameStripped = 56
)

// Traffic is what was seen of frames. Its memory is bounded (about 20 MB). It is for one goroutine.
type Traffic struct {
	opt    Options
	p      packet.Packet
	flows  flows
	copies copies

	// What was counted, in packets where nothing else is said.
	packets, wireBytes  uint64
	first, last         int64 // times of the first and the last packet
	ip                  uint64
	unknownLink         uint64
	unknownLinkType     uint16 // one of them
	back                uint64 // whose time is before the one in front
	farthestBack        int64  // nanoseconds
	large, largeOwn     uint64 // longer than the MTU; sent by the capturing host
	largest             uint32 // bytes
	cut, cutOnWire      uint64 // captured in part; of those, cut before they got here
	cutBytes            uint64 // bytes of IP packets that were not captured
	longestCut          uint32 // captured bytes of the longest one that was cut
	padded, paddedShort uint64 // to leastFrame, to leastFrameStripped, without a VLAN tag
}

// NewTraffic returns an empty Traffic.
func NewTraffic(opt Options) *Traffic {
	return &Traffic{opt: opt, flows: newFlows(), copies: newCopies()}
}

// Packets returns how many packets were added.
func (t *Traffic) Packets() uint64 { return t.packets }

// WireBytes returns their bytes on the wire, link headers included.
func (t *Traffic) WireBytes() uint64 { return t.wireBytes }

// IP returns how many of them were IP packets.
func (t *Traffic) IP() uint64 { return t.ip }

// Connections returns how many TCP connections were seen in either direction, up to what is remembered.
func (t *Traffic) Connections() int { return len(t.flows.table) }

// Span returns the time from the first packet to the last, 0 where that is less than nothing.
func (t *Traffic) Span() time.Duration { return time.Duration(max(t.last-t.first, 0)) }

// Add adds a frame and keeps nothing of its bytes.
func (t *Traffic) Add(f *capture.Frame, frame []byte) {
	t.clock(f.Time)
	t.packets++
	t.wireBytes += uint64(f.Wire)
	p := &t.p
	switch packet.Decode(p, f.Link, frame, f.Wire, packet.Options{}) {
	case packet.OK:
		t.ip++
	case packet.UnknownLink:
		t.unknownLink++
		t.unknownLinkType = f.Link
		return
	case packet.Truncated:
		if f.Len < f.Wire {
			t.addCut(f, uint64(f.Wire-f.Len))
		}
		return
	default:
		return
	}
	end := uint64(p.IPOff) + uint64(p.Length)
	if end > uint64(f.Len) {
		t.addCut(f, end-uint64(f.Len))
	}
	if p.Length > t.opt.MTU || p.Flags&packet.NoLength != 0 {
		t.addLarge(f, frame)
	}
	if f.Link == packet.LinkEthernet && p.Flags&packet.HasVLAN == 0 && end < uint64(f.Wire) {
		switch f.Wire {
		case leastFrame:
			t.padded++
		case leastFrameStripped:
			t.paddedShort++
		}
	}
	t.copies.add(f, p, frame)
	if p.Proto == packet.ProtoTCP && p.Flags&(packet.FragLater|packet.HeaderCut) == 0 {
		t.flows.add(p)
	}
}

// clock looks at a packet's time.
func (t *Traffic) clock(now int64) {
	if t.packets == 0 {
		t.first, t.last = now, now
	}
	if back := t.last - now; back > int64(stepBack) {
		t.back++
		t.farthestBack = max(t.farthestBack, back)
	}
	t.last = now
}

func (t *Traffic) addCut(f *capture.Frame, missing uint64) {
	t.cut++
	t.cutBytes += missing
	t.longestCut = max(t.longestCut, f.Len)
	if f.Len == f.Wire {
		t.cutOnWire++
	}
}

func (t *Traffic) addLarge(f *capture.Frame, frame []byte) {
	t.large++
	t.largest = max(t.largest, t.p.Length)
	switch {
	case len(t.opt.MAC) == 6 && f.Link == packet.LinkEthernet && bytes.Equal(frame[6:12], t.opt.MAC):
		t.largeOwn++
	case f.Link == packet.LinkSLL && frame[1] == 4: // cooked frames say so: outgoing
		t.largeOwn++
	}
}
