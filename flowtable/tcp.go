package flowtable

import "github.com/weir-sensor/weir/packet"

// endpoint is one end's sequence space.
type endpoint struct {
	start uint32 // sequence number of its SYN, or one before the first byte seen
	last  uint32 // one past the highest sequence number that it sent
	ack   uint32 // highest acknowledgement that its peer sent it
}

// edge returns the sequence number up to which nothing is outstanding: what was sent or acknowledged, whichever is
// higher.
func (e *endpoint) edge() uint32 {
	if int32(e.ack-e.last) > 0 {
		return e.ack
	}
	return e.last
}

// size returns the number of payload bytes that the sequence numbers span, modulo 2^32, as Zeek's orig_bytes does.
func (e *endpoint) size(fin bool) uint32 {
	n := e.edge() - e.start
	if n > 0 {
		n-- // the SYN
	}
	if fin && n > 0 {
		n--
	}
	return n
}

// endState is the state of one end of a TCP connection, and the one before it in the upper four bits.
type endState uint8

// The states of an end, in Zeek's sense.
const (
	inactive    endState = iota // it has sent nothing that counts
	synSent                     // it sent a SYN and has no answer
	synAckSent                  // it sent a SYN-ACK though it is the client
	partial                     // it was in the middle of a connection when first seen
	established                 // its handshake is complete
	closed                      // it sent a FIN
	reset                       // it sent a RST
)

func (s endState) now() endState    { return s & 15 }
func (s endState) before() endState { return s >> 4 }

func (s *endState) set(to endState) {
	if s.now() != to {
		*s = s.now()<<4 | to
	}
}

// tcpBits are the facts of a TCP connection that take a bit each.
type tcpBits uint8

const (
	sawSYN        tcpBits = 1 << iota // a SYN without ACK began the flow
	sawSYNACK                         // one SYN-ACK answered it
	repeatedSYN                       // SYN or SYN-ACK came again: no round-trip time can be told
	handshakeDone                     // an ACK after the SYNs: the handshake is complete
	finA                              // a sent a FIN
	finB                              // b sent a FIN
	validRST                          // a RST came that its receiver would accept
	ended                             // both FINs are acknowledged, or a valid RST: the flow lingers
)

const (
	synBits    = packet.SYN | packet.FIN | packet.RST
	farAway    = 1 << 20 // sequence numbers further apart than this are not trusted in SYN and RST
	simpleMask = synBits | packet.URG
)

// headerCut, shifted by d, says in flow.holed that a TCP header of end d was cut: its flags, numbers and payload length
// are not known.
const headerCut = 1 << 2

// trackTCP follows the connection with one more segment from end d.
func (t *Table) trackTCP(place uint32, f *flow, in *Input, d int) {
	p := &in.Packet
	self, peer := &f.tcp[d], &f.tcp[1-d]
	length := p.PayloadLen
	if p.TCPFlags&simpleMask == 0 && p.TCPFlags&packet.ACK != 0 && p.Seq == self.last && p.Window != 0 &&
		f.state[d].now() == established && f.state[1-d].now() == established &&
		int32(p.Ack-peer.last) <= 0 && f.holed&3 == 0 && f.tcpBits&handshakeDone != 0 {
		// The usual segment: in order, nothing lost, nothing to say but data or an acknowledgement.
		if length > 0 {
			f.letter(letterData, d)
		} else {
			f.letter(letterAck, d)
		}
		if int32(p.Ack-peer.ack) > 0 {
			peer.ack = p.Ack
		}
		self.last += length
		return
	}
	t.trackOdd(place, f, in, d)
}

// trackOdd is trackTCP for every segment that is not plainly the next one.
func (t *Table) trackOdd(place uint32, f *flow, in *Input, d int) {
	p := &in.Packet
	if p.Flags&packet.HeaderCut != 0 {
		f.holed |= headerCut << d
		return // flags and numbers are not known
	}
	peer, before := &f.tcp[1-d], f.tcpBits
	end := p.Seq + segmentLength(p)

	f.beginEnd(p, d, end)
	t.noteFlags(f, p, d)
	if p.Window == 0 && p.TCPFlags&packet.RST == 0 && f.state[1-d].now() != closed && f.state[d].now() != reset {
		e := t.extOf(f)
		e.zeroWindow[d]++
		t.scaledLetter(f, letterWindow, d, e.zeroWindow[d])
	}
	if p.TCPFlags&packet.FIN != 0 {
		f.tcpBits |= finA << d
	}
	edge := peer.edge()
	if p.TCPFlags&packet.ACK != 0 {
		switch {
		case f.state[1-d].now() == inactive:
			*peer = endpoint{start: p.Ack - 1, last: p.Ack - 1, ack: p.Ack - 1}
		case p.TCPFlags&packet.RST == 0 && int32(p.Ack-peer.ack) > 0 && !(p.Ack == 0 && int32(p.Ack-peer.ack) > farAway):
			peer.ack = p.Ack
		}
	}
	t.advanceSeq(f, p, d, end)
	f.checkRST(p, d)
	f.transition(p, d)
	if p.TCPFlags&packet.ACK != 0 {
		t.findGap(f, 1-d, edge)
	}
	t.handshake(f, in, d)
	t.checkEnd(f)
	if f.tcpBits != before {
		t.requeueIfSooner(place, f)
	}
}

// segmentLength returns what the segment takes of the sequence space.
func segmentLength(p *packet.Packet) uint32 {
	n := p.PayloadLen
	if p.TCPFlags&packet.RST != 0 {
		n = 0
	}
	if p.TCPFlags&packet.SYN != 0 {
		n++
	}
	if p.TCPFlags&packet.FIN != 0 {
		n++
	}
	return n
}

// beginEnd starts the sequence space of an end at its first segment, and again where a SYN says that it is another.
func (f *flow) beginEnd(p *packet.Packet, d int, end uint32) {
	self := &f.tcp[d]
	syn := p.TCPFlags&packet.SYN != 0
	switch f.state[d].now() {
	case inactive:
		if syn {
			*self = endpoint{start: p.Seq, last: end, ack: p.Seq}
		} else {
			*self = endpoint{start: p.Seq - 1, last: p.Seq, ack: p.Seq - 1}
		}
	case synSent, synAckSent:
		if syn && p.Seq != self.start {
			*self = endpoint{start: p.Seq, last: end, ack: p.Seq}
		}
	case partial, established:
		if syn {
			*self = endpoint{start: p.Seq, last: end, ack: p.Seq}
		}
	case reset:
		if syn && f.state[d].before() == inactive {
			*self = endpoint{start: p.Seq, last: end, ack: p.Seq}
		}
	}
}

// advanceSeq moves the end's highest sequence number, and counts what was sent before, what fills a hole and what
// leaves one.
func (t *Table) advanceSeq(f *flow, p *packet.Packet, d int, end uint32) {
	self := &f.tcp[d]
	delta := int32(end - self.last)
	switch {
	case p.TCPFlags&(packet.SYN|packet.RST) != 0 && (delta > farAway || delta < -farAway):
		return
	case p.TCPFlags&packet.FIN != 0 && self.last == self.start+1:
		self.last = end // also where more than 2 GB were not captured
		return
	case f.state[d].now() == reset:
		return
	case delta > 0:
		if edge := self.edge(); int32(p.Seq-edge) > 0 && f.state[d].now() != inactive && p.TCPFlags&packet.RST == 0 {
			t.addHole(f, d, seqRange{edge, p.Seq})
		}
		self.last = end
	case p.PayloadLen > 0:
		e := t.extOf(f)
		if f.holed>>d&1 != 0 && e.fill(d, seqRange{p.Seq, end}) {
			f.noteHoles(e, d)
			e.late[d]++
		} else {
			e.resent[d]++
		}
		t.scaledLetter(f, letterResent, d, e.resent[d]+e.late[d])
	}
}

// addHole remembers bytes that were skipped. Only two ranges are kept: further ones widen the second.
func (t *Table) addHole(f *flow, d int, r seqRange) {
	f.holed |= 1 << d
	h := &t.extOf(f).holes[d]
	switch {
	case h[0].from == h[0].to:
		h[0] = r
	case h[1].from == h[1].to:
		h[1] = r
	default:
		h[1].to = r.to
	}
}

// noteHoles forgets that end d has holes when the last one is gone.
func (f *flow) noteHoles(e *ext, d int) {
	if e.holes[d][0] == (seqRange{}) {
		f.holed &^= 1 << d
	}
}

// fill takes the range r out of the holes and says whether it met one.
func (e *ext) fill(d int, r seqRange) bool {
	met := false
	h := &e.holes[d]
	for i := range h {
		if h[i].from == h[i].to || int32(r.to-h[i].from) <= 0 || int32(h[i].to-r.from) <= 0 {
			continue
		}
		met = true
		if int32(r.from-h[i].from) <= 0 {
			h[i].from = r.to
		} else if int32(h[i].to-r.to) <= 0 {
			h[i].to = r.from
		} // bytes from the middle leave both sides open: kept as one hole
		if int32(h[i].to-h[i].from) <= 0 {
			h[i] = seqRange{}
		}
	}
	if h[0].from == h[0].to {
		h[0], h[1] = h[1], seqRange{}
	}
	return met
}

// findGap looks for bytes of end d that its peer has just acknowledged and that were never seen; edge is what edge()
// returned before. Each range of them is a gap.
func (t *Table) findGap(f *flow, d int, edge uint32) {
	self := &f.tcp[d]
	gaps := 0
	if f.holed>>d&1 != 0 {
		e := &t.exts[f.ext]
		gaps = e.acknowledgeHoles(d, self.ack)
		f.noteHoles(e, d)
	}
	if int32(self.ack-self.last) > 0 && int32(self.ack-edge) > 0 {
		gaps++ // beyond all that was sent; where it comes after all, it is no retransmission
	}
	if gaps == 0 || !f.cleanEnd(0) || !f.cleanEnd(1) {
		return
	}
	f.quality |= Gaps
	e := t.extOf(f)
	for range gaps {
		e.gaps[d]++
		t.scaledLetter(f, letterGap, d, e.gaps[d])
	}
}

// acknowledgeHoles forgets the bytes of end d's holes before ack and returns how many holes had some.
func (e *ext) acknowledgeHoles(d int, ack uint32) (met int) {
	h := &e.holes[d]
	for i := range h {
		if h[i].from == h[i].to || int32(ack-h[i].from) <= 0 {
			continue
		}
		met++
		if int32(ack-h[i].to) >= 0 {
			h[i] = seqRange{}
		} else {
			h[i].from = ack
		}
	}
	if h[0].from == h[0].to {
		h[0], h[1] = h[1], seqRange{}
	}
	return met
}

// cleanEnd says whether an end was established and has at most sent a FIN since.
func (f *flow) cleanEnd(d int) bool {
	s := f.state[d]
	return s.now() == established || s.now() == closed && s.before() == established
}

// checkRST marks a RST that its receiver would accept: near the sequence numbers in use, or the answer to a SYN.
func (f *flow) checkRST(p *packet.Packet, d int) {
	if p.TCPFlags&packet.RST == 0 {
		return
	}
	self, peer := &f.tcp[d], &f.tcp[1-d]
	if f.state[d].now() == inactive {
		if f.state[1-d].now() != inactive && p.TCPFlags&packet.ACK != 0 && p.Ack-peer.start <= peer.last-peer.start {
			f.tcpBits |= validRST
		}
		return
	}
	if d := int32(p.Seq - self.edge()); d >= -farAway && d <= farAway {
		f.tcpBits |= validRST
	}
}

// transition moves the state of end d and, where the segment says so, its peer's. The rules are Zeek's, whose
// conn_state and history the records carry.
func (f *flow) transition(p *packet.Packet, d int) {
	self, peer := &f.state[d], &f.state[1-d]
	flags := p.TCPFlags
	client := d == f.bits.client()
	switch self.now() {
	case inactive:
		f.firstSegment(p, d, client)
	case synSent, synAckSent:
		if flags&packet.FIN != 0 {
			self.set(closed)
		}
		if flags&packet.RST != 0 {
			self.set(reset)
		}
	case partial, established:
		if flags&packet.SYN != 0 && flags&packet.ACK == 0 && self.now() == partial && peer.now() == inactive {
			self.set(synSent)
		}
		if flags&packet.FIN != 0 && flags&packet.RST == 0 {
			self.set(closed)
			if peer.now() == reset && peer.before() == closed {
				peer.set(closed) // FIN, then RST, then our FIN: a normal end
			}
		}
		if flags&packet.RST != 0 {
			self.set(reset)
		}
	case closed:
		if flags&packet.RST != 0 && peer.now() != closed {
			self.set(reset)
		}
	}
}

// firstSegment is transition for an end that had sent nothing.
func (f *flow) firstSegment(p *packet.Packet, d int, client bool) {
	self, peer := &f.state[d], &f.state[1-d]
	flags := p.TCPFlags
	if flags&packet.SYN != 0 {
		switch {
		case !client:
			if peer.now() == synSent {
				peer.set(established)
			}
			self.set(established)
		case flags&packet.ACK != 0:
			self.set(synAckSent)
		case peer.now() == established:
			self.set(established) // SYN-ACK and SYN arrived in the wrong order
		default:
			self.set(synSent)
		}
	}
	if flags&packet.FIN != 0 {
		self.set(closed)
	}
	if flags&packet.RST != 0 {
		self.set(reset)
	}
	if self.now() != inactive {
		return
	}
	switch {
	case !client && p.PayloadLen == 0 && peer.now() == synSent:
		// an acknowledgement before the SYN-ACK: not yet a connection in its middle
	case flags&packet.ACK != 0 && peer.now() == established:
		self.set(established)
	default:
		self.set(partial)
	}
}

// handshake follows SYN, SYN-ACK and ACK, and takes the round-trip time between the first and the last of them.
func (t *Table) handshake(f *flow, in *Input, d int) {
	flags := in.Packet.TCPFlags
	client := d == f.bits.client()
	switch flags & (packet.SYN | packet.ACK | packet.RST) {
	case packet.SYN:
		if f.packets[0]+f.packets[1] == 1 && f.bits&fixed == 0 {
			f.tcpBits |= sawSYN
		} else {
			f.tcpBits |= repeatedSYN
		}
	case packet.SYN | packet.ACK:
		if f.tcpBits&sawSYNACK != 0 {
			f.tcpBits |= repeatedSYN
		}
		f.tcpBits |= sawSYNACK
	case packet.ACK:
		if f.tcpBits&handshakeDone != 0 {
			return
		}
		f.tcpBits |= handshakeDone
		if client && f.tcpBits&(sawSYN|sawSYNACK|repeatedSYN) == sawSYN|sawSYNACK && f.bits&fixed == 0 && in.Time >= f.start {
			f.rtt = in.Time - f.start
		}
	}
}

// checkEnd marks a connection of which both FINs are acknowledged, or that was reset.
func (t *Table) checkEnd(f *flow) {
	if f.tcpBits&ended != 0 {
		return
	}
	if f.tcpBits&validRST == 0 {
		if f.tcpBits&(finA|finB) != finA|finB || f.ext == 0 {
			return
		}
		e := &t.exts[f.ext]
		if int32(f.tcp[0].ack-e.fin[0]) < 0 || int32(f.tcp[1].ack-e.fin[1]) < 0 {
			return
		}
	}
	f.tcpBits |= ended
}

// newConnection says whether the packet, from end d, is the SYN of another connection between the same ports.
func (f *flow) newConnection(p *packet.Packet, d int) bool {
	if p.TCPFlags&(synBits|packet.ACK) != packet.SYN {
		return false
	}
	if f.tcpBits&ended != 0 {
		return p.Seq != f.tcp[d].start || f.state[d].now() == inactive
	}
	switch f.state[d].now() {
	case inactive: // a simultaneous open, or the SYN that its SYN-ACK overtook
		return f.state[1-d].now() != synSent && p.Seq != f.tcp[d].start
	case partial:
		return f.state[1-d].now() != inactive || p.Seq != f.tcp[d].start
	default:
		return p.Seq != f.tcp[d].start
	}
}

// connectionState is the flow's state in weir's words, for TCP.
func (f *flow) connectionState() State {
	switch {
	case f.tcpBits&validRST != 0 && (f.state[0].now() == reset || f.state[1].now() == reset):
		return Reset
	case f.tcpBits&ended != 0:
		return Closed
	case f.tcpBits&(finA|finB) != 0:
		return Closing
	case f.tcpBits&handshakeDone != 0 && (f.answered() || f.tcpBits&(sawSYN|sawSYNACK) != 0):
		return Established
	case f.tcpBits&(sawSYN|sawSYNACK) != 0:
		return Connecting
	}
	return New
}
