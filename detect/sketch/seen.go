package sketch

// Seen remembers hashes for a time between one span and two, and no more of them than it has room for: two generations of a
// Bloom filter, of which the elder is forgotten when the younger one is as old as the span, or full. Every hash has its
// place in one block of 32 bytes, where it sets 8 bits (Putze, Sanders and Singler, Cache-, Hash- and Space-Efficient Bloom
// Filters, 2007). It takes a new hash for a known one in at most 2 of 100 cases when both generations are full, and never a
// known one for new within the span, unless it was full. There is room for twice the number that it is made for.
type Seen struct {
	span   int64      // ns
	limit  int        // hashes in a generation
	blocks [][2]block // of the two generations, side by side: a cache line
	young  int        // which of them is the younger
	len    int        // hashes in it
	begin  int64      // when it began, ns; with begun
	begun  bool
	forced uint64
	warmed uint32 // so that Warm's reads are not left out

	set [2][]uint32 // of each generation the blocks with bits, while they are few
}

// fewSet is up to how many blocks are emptied one by one: then a generation with few hashes ends at once.
const fewSet = 256

type block [8]uint32

// bitsPerHash is the filter's size: with 8 bits set in blocks of 256, less than 1 % of foreign hashes find all theirs set.
const bitsPerHash = 12

// NewSeen returns an empty filter with room for n hashes, 1 or more, in each of two generations of span ns.
func NewSeen(n int, span int64) *Seen {
	return &Seen{span: span, limit: n, blocks: make([][2]block, n*bitsPerHash/256+1)}
}

// Advance tells the filter the time, ns, which never goes back.
func (s *Seen) Advance(now int64) {
	if !s.begun {
		s.begin, s.begun = now, true
	}
	if now-s.begin < s.span {
		return
	}
	idle := now-s.begin >= 2*s.span
	s.turn(now)
	if idle { // the younger one had ended a span ago
		s.turn(now)
	}
}

// turn begins another generation.
func (s *Seen) turn(now int64) {
	s.young ^= 1
	if set := s.set[s.young]; len(set) <= fewSet {
		for _, i := range set {
			s.blocks[i][s.young] = block{}
		}
	} else {
		for i := range s.blocks {
			s.blocks[i][s.young] = block{}
		}
	}
	s.set[s.young] = s.set[s.young][:0]
	s.len, s.begin = 0, now
}

// Warm fetches what Add and Has of a hash will look at. It has no other effect: called for a group of hashes before they
// are asked for, it lets the waits for memory overlap instead of following each other.
func (s *Seen) Warm(hash uint64) { s.warmed += s.place(hash)[0][0] }

// Add remembers a hash and says whether it was known.
func (s *Seen) Add(hash uint64) bool {
	at, bits := s.place(hash), mask(hash)
	if at[s.young].has(&bits) {
		return true
	}
	known := at[s.young^1].has(&bits)
	if s.len == s.limit {
		s.forced++
		s.turn(s.begin)
	}
	young := &at[s.young]
	for i := range young {
		young[i] |= bits[i]
	}
	if set := &s.set[s.young]; len(*set) <= fewSet {
		*set = append(*set, s.index(hash))
	}
	s.len++
	return known
}

// Has says whether a hash is known.
func (s *Seen) Has(hash uint64) bool {
	at, bits := s.place(hash), mask(hash)
	return at[0].has(&bits) || at[1].has(&bits)
}

// Len returns how many hashes the younger generation holds, and how many it has room for.
func (s *Seen) Len() (n, limit int) { return s.len, s.limit }

// Forced returns how many generations ended early because there was no more room.
func (s *Seen) Forced() uint64 { return s.forced }

func (s *Seen) place(hash uint64) *[2]block {
	return &s.blocks[s.index(hash)]
}

func (s *Seen) index(hash uint64) uint32 { return uint32(hash >> 32 * uint64(len(s.blocks)) >> 32) }

func mask(hash uint64) (b block) {
	h := Hash(0, hash)
	for i := range b {
		b[i] = 1 << (h >> (5 * i) & 31)
	}
	return b
}

func (b *block) has(bits *block) bool {
	for i := range b {
		if b[i]&bits[i] == 0 {
			return false
		}
	}
	return true
}
