package flowtable

import "github.com/weir-sensor/weir/packet"

// History is Zeek's history string of one connection, five bits a letter, the first letter lowest; at most 36
// letters are kept. The zero value is the empty history.
type History [3]uint64

// Append appends the letters to dst and returns it.
func (h History) Append(dst []byte) []byte {
	for _, w := range h {
		for ; w != 0; w >>= 5 {
			dst = append(dst, historyLetters[w&31])
		}
	}
	return dst
}

// Contradictory says of each end whether the history tells of a segment of its with SYN and FIN, SYN and RST, or FIN and RST:
// letters I and Q of the client, i and q of the server.
func (h *History) Contradictory() (ends [2]bool) {
	const from16 = 0x842108421084210 // the high bit of each code
	if (h[0]|h[1]|h[2])&from16 == 0 {
		return ends // none of these, as of nearly all flows
	}
	seen := uint32(0) // a bit for each code
	for _, w := range h {
		for ; w != 0; w >>= 5 {
			seen |= 1 << (w & 31)
		}
	}
	for end := range ends {
		ends[end] = seen&(1<<letterInconsistent.code(end)|1<<letterMultiFlag.code(end)) != 0
	}
	return ends
}

// historyLetters: code 0 is none; then the client's letter and the server's of each kind, and the flip.
const historyLetters = "\x00SsHhAaDdFfRrCcGgTtWwIiQq^"

// letter is a kind of history letter. The first seven are written once per end (or once per sequence number), the
// others at the 1st, 10th, 100th... time.
type letter uint8

const (
	letterSYN letter = iota
	letterSYNACK
	letterAck
	letterData
	letterFIN
	letterRST
	letterChecksum
	letterGap
	letterResent
	letterWindow
	letterInconsistent
	letterMultiFlag
	letterFlip
	lettersPerWord = 12
)

// code returns what stands for an end's letter in a History.
func (l letter) code(end int) uint64 { return uint64(l)*2 + 1 + uint64(end) }

// letter adds a letter of end d unless it has one already, and says whether it had.
func (f *flow) letter(l letter, d int) bool {
	bit := uint16(1) << (seenBit[l] + uint8(d))
	if f.histSeen&bit != 0 {
		return true
	}
	f.histSeen |= bit
	f.addLetter(l, d)
	return false
}

// seenBit: SYN and SYN-ACK share theirs, as in Zeek.
var seenBit = [...]uint8{letterSYN: 0, letterSYNACK: 0, letterAck: 2, letterData: 4, letterFIN: 6, letterRST: 8,
	letterInconsistent: 10, letterMultiFlag: 12}

// addLetter appends a letter to the two words in the flow; end 0 is a, whoever the client turns out to be. It returns
// false when they are full.
func (f *flow) addLetter(l letter, d int) bool {
	code := l.code(d)
	for i := range f.hist {
		if n := lettersIn(f.hist[i]); n < lettersPerWord {
			f.hist[i] |= code << (5 * n)
			return true
		}
	}
	return false
}

// moreLetters is addLetter with the third word, of the extension, behind it.
func (t *Table) moreLetters(f *flow, l letter, d int) {
	if f.addLetter(l, d) {
		return
	}
	e := t.extOf(f)
	if n := lettersIn(e.hist); n < lettersPerWord {
		e.hist |= l.code(d) << (5 * n)
	}
}

func lettersIn(w uint64) (n int) {
	for ; w != 0; w >>= 5 {
		n++
	}
	return n
}

// scaledLetter adds a letter when its count is a power of ten.
func (t *Table) scaledLetter(f *flow, l letter, d int, count uint32) {
	for n := uint64(1); n <= uint64(count); n *= 10 {
		if n == uint64(count) {
			t.moreLetters(f, l, d)
		}
	}
}

// noteFlags adds the letters of a segment's flags and payload.
func (t *Table) noteFlags(f *flow, p *packet.Packet, d int) {
	switch flags := p.TCPFlags & synBits; flags {
	case 0:
		if p.PayloadLen > 0 {
			f.letter(letterData, d)
		} else if p.TCPFlags&packet.ACK != 0 {
			f.letter(letterAck, d)
		}
	case packet.SYN:
		l := letterSYN
		if p.TCPFlags&packet.ACK != 0 {
			l = letterSYNACK
		}
		if f.letter(l, d) && p.Seq != f.tcp[d].start {
			t.moreLetters(f, l, d)
		}
	case packet.FIN:
		e := t.extOf(f)
		end := p.Seq + segmentLength(p)
		if f.letter(letterFIN, d) && end != e.fin[d] {
			t.moreLetters(f, letterFIN, d)
		}
		e.fin[d] = end
	case packet.RST:
		e := t.extOf(f)
		if f.letter(letterRST, d) && p.Seq != e.rst[d] {
			t.moreLetters(f, letterRST, d)
		}
		e.rst[d] = p.Seq
	default:
		if flags&(packet.FIN|packet.RST) == packet.FIN|packet.RST {
			f.letter(letterInconsistent, d)
		} else {
			f.letter(letterMultiFlag, d)
		}
		if flags&packet.FIN != 0 {
			t.extOf(f).fin[d] = p.Seq + segmentLength(p)
		}
	}
}

// history returns the letters seen from the client, with a flip in front where the client did not send first.
func (t *Table) history(f *flow) History {
	words := [3]uint64{f.hist[0], f.hist[1]}
	if f.ext != 0 {
		words[2] = t.exts[f.ext].hist
	}
	swap := uint64(f.bits.client())
	flip := (f.bits&clientIsB != 0) != (f.bits&firstIsB != 0)
	if !flip && swap == 0 {
		return words
	}
	var h History
	n := 0
	put := func(code uint64) {
		if n < 3*lettersPerWord {
			h[n/lettersPerWord] |= code << (5 * (n % lettersPerWord))
			n++
		}
	}
	if flip {
		put(uint64(letterFlip)*2 + 1)
	}
	for _, w := range words {
		for ; w != 0; w >>= 5 {
			put((w&31 - 1) ^ swap + 1)
		}
	}
	return h
}
