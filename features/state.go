package features

// head is what an open window is known by, besides what its pair says of it. It holds no pointers.
type head struct {
	ordinal uint64 // of its first packet
	pair    uint32 // place of its pair
}

// state is what the packets of a window add up to, but for its lists. It holds no pointers. Arrays of two are indexed by
// direction.
type state struct {
	sides       [2]side
	first, last int64
	packets     uint32
	connections uint32 // in the list of connections
	latest      uint32 // of them: the latest one's place there
	truncated   uint32 // packets
	offload     uint32
	resent      uint32
}

// side is one direction of a window.
type side struct {
	packets   uint32
	acks      uint32 // packets with ACK
	pushes    uint32 // of them: with PSH
	intervals uint32

	lengths  uint32 // in the list of lengths
	seqs     uint32 // in the list of sequence numbers
	latest   uint32 // of them: the latest one's place there
	seqMin   uint32 // no sequence number in the list is below
	seqMax   uint32 // or above
	interval [intervalBins]uint32
	length   [lenBins]uint32
	previous int64   // time of the packet that the next interval begins with
	spans    float64 // sum of the intervals, ns, in the order of the packets
	bytes    uint64  // payload
	long     uint64  // whole lengths of longLen in longer payloads

	entropy, entropyMin, entropyMax float64 // the first: sum, in the order of the packets
}

// slab holds the open windows, in chunks, and links them in the order in which they were opened. Place 0 is never used.
//
// Windows of a number of packets keep these as samples, and add them up when they are complete: so a packet touches few
// cache lines, and what is dropped is never computed. Windows of a time segment, which may have any number of packets, add
// them up as they come; beside their state they have lists of numbers of fixed capacity.
type slab struct {
	byTime bool
	layout layout
	words  int // of a window: its samples, or its lists
	chunks []windowChunk
	links  []link
	free   []uint32
	made   uint32
	used   int
}

type windowChunk struct {
	heads  []head
	states []state  // with windows of a time segment
	words  []uint32 // samples or lists
}

const windowChunkSize = 1 << 9 // with windows of 50 packets, all allocations are whole pages

// layout says where a window's lists lie among its numbers. The lists of sequence numbers and of lengths hold those of
// both directions: up from the front on, down from the back on. Each direction uses at most keep of them; in a window of
// keep packets the two cannot meet, else there is room for both. Entries of two numbers lie side by side.
type layout struct {
	keep        int // entries remembered of each kind
	both        int // room for the entries of both directions
	connections int // ports of client and target; packets shown, times 4, plus 1<<direction for each direction seen
	lengths     int // payload length; how often it came
	marks       int // bits: which sequence numbers came with payload
	words       int // how many numbers there are in all; sequence numbers are the first
}

func newLayout(keep int, byTime, withLengths bool) layout {
	l := layout{keep: keep, both: keep}
	if byTime {
		l.both = 2 * keep
	}
	l.connections = l.both
	l.lengths = l.connections + 2*keep
	l.marks = l.lengths
	if withLengths {
		l.marks += 2 * l.both
	}
	l.words = l.marks + (l.both+31)/32
	l.words += l.words & 1
	return l
}

// clear makes state and lists those of a window without packets.
func (l *layout) clear(s *state, lists []uint32) {
	*s = state{}
	clear(lists[l.marks:])
}

// at returns the place in a list of the i-th entry of the direction.
func (l *layout) at(d int, i uint32) uint32 {
	if d == up {
		return i
	}
	return uint32(l.both) - 1 - i
}

func newSlab(packets int, byTime, withLengths bool) slab {
	b := slab{byTime: byTime, layout: newLayout(packets, byTime, withLengths), links: make([]link, 1, windowChunkSize)}
	b.words = packets * sampleWords
	if byTime {
		b.words = b.layout.words
	}
	return b
}

func (b *slab) head(place uint32) *head {
	return &b.chunks[place/windowChunkSize].heads[place%windowChunkSize]
}

// state returns what the packets of a window by time add up to.
func (b *slab) state(place uint32) *state {
	return &b.chunks[place/windowChunkSize].states[place%windowChunkSize]
}

// numbers returns the window's samples, or its lists, see layout.
func (b *slab) numbers(place uint32) []uint32 {
	from := int(place%windowChunkSize) * b.words
	return b.chunks[place/windowChunkSize].words[from : from+b.words]
}

// sample returns the words of the window's i-th sample.
func (b *slab) sample(place, i uint32) *sample {
	from := int(place%windowChunkSize)*b.words + int(i)*sampleWords
	return (*sample)(b.chunks[place/windowChunkSize].words[from:])
}

// first returns the place of the window that was opened first, 0 where none is open.
func (b *slab) first() uint32 { return b.links[0].next }

// take opens a window.
func (b *slab) take() uint32 {
	var place uint32
	if n := len(b.free); n > 0 {
		place = b.free[n-1]
		b.free = b.free[:n-1]
	} else {
		b.made++
		place = b.made
		if int(place/windowChunkSize) == len(b.chunks) {
			b.chunks = append(b.chunks, b.newChunk())
		}
		b.links = append(b.links, link{})
	}
	if b.byTime {
		b.layout.clear(b.state(place), b.numbers(place))
	}
	last := b.links[0].prev
	b.links[place] = link{prev: last}
	b.links[last].next = place
	b.links[0].prev = place
	b.used++
	return place
}

func (b *slab) newChunk() windowChunk {
	c := windowChunk{heads: make([]head, windowChunkSize), words: make([]uint32, windowChunkSize*b.words)}
	if b.byTime {
		c.states = make([]state, windowChunkSize)
	}
	return c
}

// giveBack closes a window.
func (b *slab) giveBack(place uint32) {
	l := b.links[place]
	b.links[l.prev].next = l.next
	b.links[l.next].prev = l.prev
	b.free = append(b.free, place)
	b.used--
}
