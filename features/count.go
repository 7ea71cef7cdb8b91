package features

import (
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// count adds a packet to its pair's window, and writes the window when it is full. Entropy is that of the payload.
func (w *Windower) count(pr *pair, p *packet.Packet, d int, time int64, ordinal uint64, entropy float64) {
	if w.byTime {
		var x sample
		x.set(p, d, time, entropy, w.mtu)
		w.tally(w.open.state(pr.window), w.open.numbers(pr.window), &x)
		return
	}
	w.open.sample(pr.window, pr.packets).set(p, d, time, entropy, w.mtu)
	if pr.packets++; int(pr.packets) == w.cfg.Packets {
		w.write(pr.window, w.clock, ordinal)
	}
}

// tally adds a packet up.
func (w *Windower) tally(s *state, lists []uint32, x *sample) {
	if s.packets == 0 {
		s.first, s.last = x.time(), x.time()
	}
	s.packets++
	s.first, s.last = min(s.first, x.time()), max(s.last, x.time())
	if x.has(cut) {
		s.truncated++
	}
	if x.has(long) {
		s.offload++
	}
	d := x.direction()
	layout := &w.open.layout
	layout.connection(s, lists, x.ports(), d)

	side := &s.sides[d]
	side.packets++
	i, known := layout.sequence(side, lists, x.seq(), d)
	if layout.resent(lists, i, x.length() > 0, known) {
		s.resent++
	}
	if !known && w.groups&(intervalGroup|intervalBinsGroup) != 0 {
		side.countInterval(x.time())
	}
	if w.groups&entropyGroup != 0 {
		side.countEntropy(x.entropy())
	}
	if w.groups&lenGroup != 0 {
		side.bytes += uint64(x.length())
		layout.length(side, lists, x.length(), d)
	}
	if w.groups&lenBinsGroup != 0 {
		side.countLength(x.length())
	}
	if x.has(ack) {
		side.acks++
		side.pushes += x[6] & push / push
	}
}

// connection counts a packet of the direction in its connection.
func (l *layout) connection(s *state, lists []uint32, ports uint32, d int) {
	list := lists[l.connections:l.lengths]
	i, n := 2*int(s.latest), 2*int(s.connections)
	if i == n || list[i] != ports {
		for i = 0; i < n && list[i] != ports; i += 2 {
		}
		if i == len(list) {
			return
		}
		if i == n {
			s.connections++
			list[i], list[i+1] = ports, 0
		}
		s.latest = uint32(i / 2)
	}
	list[i+1] |= 1 << d
	if list[i+1] < math.MaxUint32-3 {
		list[i+1] += 4
	}
}

// sequence looks the sequence number up among the direction's, and remembers it where it is new. It returns the place of
// its entry, and whether it was known.
func (l *layout) sequence(s *side, lists []uint32, seq uint32, d int) (at uint32, known bool) {
	if s.seqs == 0 {
		s.seqMin, s.seqMax = seq, seq
	} else if seq >= s.seqMin && seq <= s.seqMax {
		if at = l.at(d, s.latest); lists[at] == seq {
			return at, true
		}
		for i := range s.seqs {
			if at = l.at(d, i); lists[at] == seq {
				return at, true
			}
		}
	}
	s.seqMin, s.seqMax = min(s.seqMin, seq), max(s.seqMax, seq)
	if int(s.seqs) < l.keep {
		s.latest = s.seqs
		s.seqs++
	} else if s.latest++; int(s.latest) == l.keep {
		s.latest = 0
	}
	at = l.at(d, s.latest)
	lists[at] = seq
	return at, false
}

// resent notes whether the packet with the sequence number at i has payload, and says whether one before it had, too.
func (l *layout) resent(lists []uint32, i uint32, payload, known bool) bool {
	word, bit := &lists[l.marks+int(i/32)], uint32(1)<<(i%32)
	had := known && *word&bit != 0
	if !known {
		*word &^= bit
	}
	if payload {
		*word |= bit
	}
	return payload && had
}

// length counts the payload length among the direction's.
func (l *layout) length(s *side, lists []uint32, length uint32, d int) {
	list := lists[l.lengths:l.marks]
	for i := range s.lengths {
		if at := 2 * l.at(d, i); list[at] == length {
			list[at+1]++
			return
		}
	}
	if int(s.lengths) == l.keep {
		return
	}
	at := 2 * l.at(d, s.lengths)
	list[at], list[at+1] = length, 1
	s.lengths++
}

// countInterval counts the time since the packet before, of those that bear a new sequence number.
func (s *side) countInterval(time int64) {
	if s.packets > 1 { // the first packet always bears a new one
		span := uint64(time) - uint64(s.previous)
		if time < s.previous {
			span = -span
		}
		s.intervals++
		s.spans += float64(span)
		if i := intervalBinOf(span); i < len(s.interval) {
			s.interval[i]++
		}
	}
	s.previous = time
}

// intervalBinOf returns the bin of an interval, intervalBins where it is in none. It has no branches, which intervals would
// take at random.
func intervalBinOf(span uint64) (bin int) {
	bound := uint64(firstIntervalNs)
	for range intervalBins {
		_, below := bits.Sub64(span, bound, 0)
		bin += 1 - int(below)
		bound *= 10
	}
	return bin
}

func (s *side) countEntropy(entropy float64) {
	s.entropy += entropy
	if s.packets == 1 {
		s.entropyMin, s.entropyMax = entropy, entropy
	}
	s.entropyMin, s.entropyMax = min(s.entropyMin, entropy), max(s.entropyMax, entropy)
}

// countLength counts the payload length in its bin, one beyond the last in several.
func (s *side) countLength(length uint32) {
	if length >= longLen {
		s.long += uint64(length / longLen)
		if length %= longLen; length == 0 {
			return
		}
	}
	s.length[length/lenBinWidth]++
}

// fill makes the record of a window, but for Written and Ordinal.
func (w *Windower) fill(r *Window, place uint32) {
	pr := w.pairWith(place)
	s, lists := w.sum(place, pr.packets)
	n := float64(s.packets)
	*r = Window{
		Client: pr.a, Target: pr.b, ClientPort: uint16(pr.ports >> 16), TargetPort: uint16(pr.ports), Version: pr.version,
		SegmentStart: pr.segment, First: s.first, Last: s.last, Packets: s.packets, Connections: s.connections,
		Truncated: float64(s.truncated) / n, Offload: float64(s.offload) / n, Retransmitted: float64(s.resent) / n,
		OneWay: float64(w.open.layout.oneWay(s, lists)) / n,
	}
	if pr.client == 1 {
		r.Client, r.Target, r.ClientPort, r.TargetPort = r.Target, r.Client, r.TargetPort, r.ClientPort
	}
	for d := range s.sides {
		w.fillSide(r.Features[d*perDirection:][:perDirection], &s.sides[d], lists, d)
	}
	if s.sides[up].packets != 0 && s.sides[down].packets != 0 {
		r.Features[upDownRatio] = float64(s.sides[up].packets) / float64(s.sides[down].packets)
	}
}

// sum returns what the window's packets add up to, until the next call.
func (w *Windower) sum(place, packets uint32) (s *state, lists []uint32) {
	if w.byTime {
		return w.open.state(place), w.open.numbers(place)
	}
	s, lists = &w.total, w.lists
	w.open.layout.clear(s, lists)
	for i := range packets {
		w.tally(s, lists, w.open.sample(place, i))
	}
	return s, lists
}

// fillSide sets the features of one direction; f is all zero.
func (w *Windower) fillSide(f []float64, s *side, lists []uint32, d int) {
	if w.groups&intervalGroup != 0 {
		f[meanInterval] = noInterval
		if s.intervals > 0 {
			f[meanInterval] = s.spans / (1000 * float64(s.intervals))
		}
	}
	if s.packets == 0 {
		return
	}
	n := float64(s.packets)
	f[meanEntropy], f[maxEntropy], f[minEntropy] = s.entropy/n, s.entropyMax, s.entropyMin
	if w.groups&intervalBinsGroup != 0 {
		for i, c := range s.interval {
			f[intervalBin+i] = float64(c) / n
		}
	}
	if w.groups&lenGroup != 0 {
		f[top1Len], f[top2Len] = w.open.layout.topLengths(s, lists, d)
		f[meanLen] = float64(s.bytes) / n
	}
	for i, c := range s.length {
		f[lenBin+i] = float64(c) / n
	}
	f[lenBin+lenBins-1] = float64(uint64(s.length[lenBins-1])+s.long) / n
	if w.groups&pushGroup != 0 && s.acks > 0 {
		f[pushRatio] = float64(s.pushes) / float64(s.acks)
	}
}

// oneWay counts the packets of the connections that show one direction only.
func (l *layout) oneWay(s *state, lists []uint32) (n uint64) {
	list := lists[l.connections:][:2*s.connections]
	for i := 1; i < len(list); i += 2 {
		if list[i]&3 != 3 {
			n += uint64(list[i] >> 2)
		}
	}
	return n
}

// topLengths returns the most and the second most common payload length; of equally common ones the shorter first.
func (l *layout) topLengths(s *side, lists []uint32, d int) (first, second float64) {
	list := lists[l.lengths:l.marks]
	var top [2]struct{ length, tally uint32 }
	for i := range s.lengths {
		at := 2 * l.at(d, i)
		length, tally := list[at], list[at+1]
		switch {
		case tally > top[0].tally || tally == top[0].tally && length < top[0].length:
			top[1] = top[0]
			top[0].length, top[0].tally = length, tally
		case tally > top[1].tally || tally == top[1].tally && length < top[1].length:
			top[1].length, top[1].tally = length, tally
		}
	}
	return float64(top[0].length), float64(top[1].length)
}
