package flowtable

import (
	"math/bits"

	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// firsts puts first payloads together: the bytes of a TCP stream from its beginning to where the other end begins to
// answer, FirstPayloadBytes at most. Segments may come in any order and any number of times; of a byte that comes twice
// the first copy counts. Of UDP the first datagram is the first payload.
//
// Streams wait in buffers, which are taken from and given back to a pool. When all are in use, the one begun first is
// given up: its flow's first payload is not known then.
type firsts struct {
	states  slab[[2]first]
	flows   *slab[flow]
	meter   *payload.Meter
	buffers []*buffer // buffers[0] links the open ones, the one begun first coming first
	free    []uint32
	limit   int // buffers at most
	givenUp uint64
	entropy bool // that of every packet's captured payload is known
}

// first is one end's stream. Places in it are bytes from its beginning.
type first struct {
	base   uint32 // sequence number of its first byte
	buffer uint32 // while firstOpen
	prefix uint16 // so many bytes are there without a hole
	extent uint16 // the end of the last byte seen
	limit  uint16 // the first payload ends here
	known  uint16 // stats.Entropy is that of so many bytes; 0: of none
	stats  payload.Stats
}

// buffer holds bytes of one stream.
type buffer struct {
	bytes      [FirstPayloadBytes]byte
	there      [(FirstPayloadBytes + 63) / 64]uint64 // bit by byte
	top        int                                   // no byte from here on is there
	prev, next uint32
	place      uint32 // of the flow
	end        uint8
}

func newFirsts(limit int, entropy bool, flows *slab[flow]) firsts {
	return firsts{flows: flows, meter: payload.NewMeter(), buffers: []*buffer{{}}, limit: limit, entropy: entropy}
}

// note keeps the packet's entropy where its first n bytes, with which a first payload begins, are all of it.
func (m *firsts) note(end *first, in *Input, n uint32) {
	end.known = 0
	if m.entropy && n == in.PayloadCap {
		end.known, end.stats.Entropy = uint16(n), in.Entropy
	}
}

// stats measures a first payload.
func (m *firsts) stats(end *first, b []byte) payload.Stats {
	if len(b) > 0 && int(end.known) == len(b) {
		return payload.Describe(b, end.stats.Entropy)
	}
	return m.meter.Measure(b)
}

// add looks at a packet from end d.
func (m *firsts) add(place uint32, told *progress, in *Input, d int) {
	switch in.Proto {
	case packet.ProtoTCP:
		m.addTCP(place, told, in, d)
	case packet.ProtoUDP:
		if in.PayloadLen > 0 && told.first(d) == firstUnseen {
			told.setFirst(d, m.addUDP(&m.states.at(place)[d], in))
		}
	}
}

// addUDP measures the end's first datagram. One that was cut is not known, nor is what its other fragments hold.
func (m *firsts) addUDP(end *first, in *Input) firstState {
	n := min(in.PayloadLen, FirstPayloadBytes)
	if in.Flags&packet.FragFirst != 0 {
		n = FirstPayloadBytes
	}
	if in.PayloadCap < n || in.Flags&packet.FragLater != 0 {
		return firstLost
	}
	m.note(end, in, n)
	end.stats = m.stats(end, in.Captured[:n])
	return firstDone
}

func (m *firsts) addTCP(place uint32, told *progress, in *Input, d int) {
	const noPlace = packet.HeaderCut | packet.FragFirst | packet.FragLater // for all of the packet's bytes
	ends := m.states.at(place)
	if in.Flags&noPlace != 0 && told.first(d) < firstDone {
		m.lose(told, d, &ends[d])
	}
	if other := &ends[1-d]; told.first(1-d) == firstOpen {
		switch {
		case in.PayloadLen > 0:
			other.limit = min(other.limit, other.extent)
			m.closeIfWhole(told, 1-d, other)
		case in.Flags&packet.HeaderCut != 0 && other.extent < other.limit: // who knows whether it was an answer
			m.lose(told, 1-d, other)
		}
	}
	seq := in.Seq
	if in.TCPFlags&packet.SYN != 0 {
		seq++
		if told.first(d) == firstUnseen {
			told.setFirst(d, firstReady)
			ends[d] = first{base: seq, limit: FirstPayloadBytes}
		}
	}
	if in.PayloadLen == 0 {
		return
	}
	switch told.first(d) {
	case firstUnseen:
		told.setFirst(d, firstLost)
		return
	case firstDone, firstLost:
		return
	}
	end := &ends[d]
	from := min(int64(int32(seq-end.base)), int64(end.limit))
	to := min(from+int64(in.PayloadLen), int64(end.limit))
	if to <= 0 { // a keep-alive, or an old segment
		return
	}
	skip := max(0, -from) // bytes before the first
	from += skip
	if told.first(d) == firstReady {
		end.buffer = m.take(place, d)
		told.setFirst(d, firstOpen)
		if from == 0 && skip == 0 {
			m.note(end, in, uint32(to))
		}
	}
	end.extent = max(end.extent, uint16(to))
	if skip < int64(len(in.Captured)) {
		captured := in.Captured[skip:]
		m.buffers[end.buffer].put(int(from), captured[:min(int64(len(captured)), to-from)])
		end.prefix = uint16(m.buffers[end.buffer].whole(int(end.prefix)))
	}
	m.closeIfWhole(told, d, end)
}

// closeIfWhole measures the first payload where all of it is there.
func (m *firsts) closeIfWhole(told *progress, d int, end *first) {
	if end.prefix != end.limit {
		return
	}
	told.setFirst(d, firstDone)
	end.stats = m.stats(end, m.buffers[end.buffer].bytes[:end.prefix])
	m.giveBack(end.buffer)
}

func (m *firsts) lose(told *progress, d int, end *first) {
	if told.first(d) == firstOpen {
		m.giveBack(end.buffer)
	}
	told.setFirst(d, firstLost)
}

// ended returns what is known of a stream in a buffer whose flow has ended.
func (m *firsts) ended(place uint32, d int) payload.Stats {
	end := &m.states.at(place)[d]
	if end.prefix != end.extent {
		return payload.Stats{}
	}
	return m.stats(end, m.buffers[end.buffer].bytes[:end.prefix])
}

// take returns an empty buffer for the end.
func (m *firsts) take(place uint32, d int) uint32 {
	if len(m.free) == 0 {
		if len(m.buffers) > m.limit {
			oldest := m.buffers[m.buffers[0].next]
			m.flows.at(oldest.place).told.setFirst(int(oldest.end), firstLost)
			m.givenUp++
			m.giveBack(m.buffers[0].next)
		} else {
			m.free = append(m.free, uint32(len(m.buffers)))
			m.buffers = append(m.buffers, new(buffer))
		}
	}
	i := m.free[len(m.free)-1]
	m.free = m.free[:len(m.free)-1]
	b := m.buffers[i]
	last := m.buffers[0].prev
	b.there, b.top, b.place, b.end = [len(b.there)]uint64{}, 0, place, uint8(d)
	b.prev, b.next = last, 0
	m.buffers[last].next, m.buffers[0].prev = i, i
	return i
}

func (m *firsts) giveBack(i uint32) {
	b := m.buffers[i]
	m.buffers[b.prev].next, m.buffers[b.next].prev = b.next, b.prev
	m.free = append(m.free, i)
}

// put stores the bytes that are not there yet, from place from on; they end before the buffer does.
func (b *buffer) put(from int, data []byte) {
	if from >= b.top { // all are new
		copy(b.bytes[from:], data)
	} else {
		for i, v := range data {
			if at := from + i; b.there[at/64]>>(at%64)&1 == 0 {
				b.bytes[at] = v
			}
		}
	}
	to := from + len(data)
	for at := from; at < to; at = (at/64 + 1) * 64 {
		n := min(to-at, 64-at%64)
		b.there[at/64] |= (1<<n - 1) << (at % 64)
	}
	b.top = max(b.top, to)
}

// whole returns the place of the first byte from place from on that is not there.
func (b *buffer) whole(from int) int {
	for at := from; at < b.top; at = (at/64 + 1) * 64 {
		if missing := bits.TrailingZeros64(^(b.there[at/64] >> (at % 64))); missing < 64-at%64 {
			return at + missing
		}
	}
	return max(from, b.top)
}
