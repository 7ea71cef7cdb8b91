package flowtable

import "github.com/weir-sensor/weir/packet"

// flow is one open flow in three cache lines. It holds no pointers. Its two ends are a and b in the order of the key;
// arrays of two are indexed by the end that sent.
type flow struct {
	// First line: the key, and the times that decide its expiry.
	a, b       packet.Addr
	portA      uint16
	portB      uint16
	vlan       uint16
	proto      uint8
	bits       flowBits
	start, end int64 // first packet's time, latest packet's time
	ext        uint32
	histSeen   uint16 // which letters the history has, see history.go
	quality    Quality
	queue      uint8 // the queue that it is linked in

	// Second line: the counters.
	packets [2]uint32
	bytes   [2]uint64
	wire    [2]uint64
	payload [2]uint64
	flags   [2]uint8
	ttl     [2]uint8
	state   [2]endState
	tcpBits tcpBits
	holed   uint8 // bit d: bytes of end d were skipped and not yet seen; they are in ext.holes; bit 2+d: see headerCut

	// Third line: order, TCP, history.
	ordinal uint64
	hash    uint32
	told    progress
	rtt     int64
	tcp     [2]endpoint
	hist    [2]uint64
}

// flowBits are the facts of a flow that take a bit each.
type flowBits uint8

const (
	clientIsB flowBits = 1 << iota // the client is b
	firstIsB                       // the first packet came from b
	fixed                          // the direction was written in an earlier part
	version6                       // IPv6
	oneWay                         // ICMP without a counterpart
	hasVLAN                        // vlan was there
	byShift   = iota               // two bits of ClientBy above
	byMask    = flowBits(3) << byShift
)

func (b flowBits) clientBy() ClientBy { return ClientBy(b >> byShift) }

// client returns the index of the client's end.
func (b flowBits) client() int {
	if b&clientIsB != 0 {
		return 1
	}
	return 0
}

// ext is what few flows need; it is kept apart so that the others stay small.
type ext struct {
	id               uint64 // flow id of the first part, when there is more than one part
	hist             uint64 // third word of the history
	startLag, endLag int64  // with Late: ns by which the input's clock was ahead of start and end
	part             uint32
	generation       uint32         // flows of the same key that began at the same instant before this one
	fin, rst         [2]uint32      // end of the last FIN, sequence number of the last RST
	holes            [2][2]seqRange // the oldest and the latest range of bytes skipped and not yet seen
	resent, late     [2]uint32      // segments seen before, segments that filled a hole
	oldResent        [2]uint32      // of them: counted in earlier parts
	oldLate          [2]uint32
	zeroWindow       [2]uint32 // packets that announced a window of 0
	gaps             [2]uint32 // holes that the peer acknowledged
	badChecksum      [2]uint32 // packets with a wrong transport checksum
}

// seqRange is a range of TCP sequence numbers, to excluded; empty when they are equal.
type seqRange struct{ from, to uint32 }

// seen returns the input's clock at the flow's latest packet: the base of its idle timeout.
func (t *Table) seen(f *flow) int64 {
	if f.quality&Late == 0 {
		return f.end
	}
	return f.end + t.exts[f.ext].endLag
}

// opened returns the input's clock at the first packet of this part.
func (t *Table) opened(f *flow) int64 {
	if f.quality&Late == 0 {
		return f.start
	}
	return f.start + t.exts[f.ext].startLag
}

// extOf returns the flow's extension, making one where it has none.
func (t *Table) extOf(f *flow) *ext {
	if f.ext == 0 {
		if n := len(t.freeExts); n > 0 {
			f.ext = t.freeExts[n-1]
			t.freeExts = t.freeExts[:n-1]
			t.exts[f.ext] = ext{}
		} else {
			f.ext = uint32(len(t.exts))
			t.exts = append(t.exts, ext{})
		}
	}
	return &t.exts[f.ext]
}

// open starts a flow, or another part of one, at the packet.
func (t *Table) open(f *flow, in *Input) {
	f.start, f.end, f.ordinal = in.Time, in.Time, in.Ordinal
	t.counters.Opened++
	if lag := in.Clock - in.Time; lag > 0 {
		e := t.extOf(f)
		e.startLag, e.endLag = lag, lag
		f.quality |= Late
	}
}

// count adds one packet from end d.
func (t *Table) count(f *flow, in *Input, d int) {
	p := &in.Packet
	f.packets[d]++
	f.bytes[d] += uint64(p.Length)
	f.wire[d] += uint64(in.Wire)
	f.payload[d] += uint64(p.PayloadLen)
	if f.packets[d] == 1 || p.TTL < f.ttl[d] {
		f.ttl[d] = p.TTL
	}
	if p.Flags&(packet.PayloadCut|packet.NoLength) != 0 || p.Length > t.cfg.MTU {
		f.quality |= remarks(p, t.cfg.MTU)
	}
	if in.Time >= in.Clock {
		f.end = in.Time
		if f.quality&Late != 0 {
			t.exts[f.ext].endLag = 0
		}
		return
	}
	f.quality |= Late
	f.end = max(f.end, in.Time)
	t.extOf(f).endLag = in.Clock - f.end
}

func remarks(p *packet.Packet, mtu uint32) (q Quality) {
	if p.Flags&packet.PayloadCut != 0 {
		q |= Truncated
	}
	if p.Flags&packet.NoLength != 0 || p.Length > mtu {
		q |= Offload
	}
	return q
}
