package sketch

import (
	"sync/atomic"

	"github.com/weir-sensor/weir/internal/resident"
)

// Seen remembers hashes for a time between one span and two, and no more of them than it has room for: two generations of a
// Bloom filter, of which the elder is forgotten when the younger one is as old as the span, or full. Every hash has its
// place in one block of 32 bytes, where it sets 8 bits (Putze, Sanders and Singler, Cache-, Hash- and Space-Efficient Bloom
// Filters, 2007). It takes a new hash for a known one in at most 2 of 100 cases when both generations are full, and never a
// known one for new within the span, unless it was full. There is room for twice the number that it is made for.
//
// What is asked together can be at one place, so that one wait for memory does for all of it: AddAt and HasAt take the hash of
// the place, and another one of what is remembered there. A few hashes at a place make no difference; many would fill it.
type Seen struct {
	span   int64      // ns
	limit  int        // hashes in a generation
	blocks [][2]block // of the two generations, side by side: a cache line
	young  int        // which of them is the younger
	len    int        // hashes in it
	begin  int64      // when it began, ns; with begun
	begun  bool
	forced uint64
	warmed uint64 // so that Warm's reads are not left out

	set [2][]uint32 // of each generation the blocks with bits, while they are few
}

// fewSet is up to how many blocks are emptied one by one: then a generation with few hashes ends at once.
const fewSet = 256

// block is 8 words of 32 bits, two by two.
type block struct{ a, b, c, d uint64 }

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

// Warm fetches what Add and Has of a hash will look at, or AddAt and HasAt of a place. It has no other effect: called for a
// group of them before they are asked for, it lets the waits for memory overlap instead of following each other.
func (s *Seen) Warm(place uint64) { s.warmed += s.place(place)[0].a }

// WarmAll does so for a group by itself, which is faster: the fewer instructions there are between two waits, the more of
// them overlap.
func (s *Seen) WarmAll(places []uint64) {
	sum := s.warmed
	for _, p := range places {
		sum += s.place(p)[0].a
	}
	s.warmed = sum
}

// Add remembers a hash and says whether it was known.
func (s *Seen) Add(hash uint64) bool { return s.AddAt(hash, Hash(0, hash)) }

// Has says whether a hash is known.
func (s *Seen) Has(hash uint64) bool { return s.HasAt(hash, Hash(0, hash)) }

// AddAt remembers a hash at a place and says whether it was known. The two hashes are independent: the place's high bits
// and the other's low bits are used.
func (s *Seen) AddAt(place, hash uint64) bool {
	at, bits := s.place(place), mask(hash)
	if at[s.young].has(bits) {
		return true
	}
	known := at[s.young^1].has(bits)
	if s.len == s.limit {
		s.forced++
		s.turn(s.begin)
	}
	at[s.young].set(bits)
	if set := &s.set[s.young]; len(*set) <= fewSet {
		if *set = append(*set, s.index(place)); len(*set) > fewSet {
			resident.Touch(s.blocks, func(b *[2]block) { atomic.AddUint64(&b[0].a, 0) })
		}
	}
	s.len++
	return known
}

// HasAt says whether a hash is known at a place.
func (s *Seen) HasAt(place, hash uint64) bool {
	at, bits := s.place(place), mask(hash)
	return at[0].has(bits) || at[1].has(bits)
}

// Len returns how many hashes the younger generation holds, and how many it has room for.
func (s *Seen) Len() (n, limit int) { return s.len, s.limit }

// Forced returns how many generations ended early because there was no more room.
func (s *Seen) Forced() uint64 { return s.forced }

func (s *Seen) place(hash uint64) *[2]block {
	return &s.blocks[s.index(hash)]
}

func (s *Seen) index(hash uint64) uint32 { return uint32(hash >> 32 * uint64(len(s.blocks)) >> 32) }

// mask has a bit of each word.
func mask(h uint64) block {
	return block{pair(h), pair(h >> 10), pair(h >> 20), pair(h >> 30)}
}

// pair has a bit of each of two words.
func pair(h uint64) uint64 { return 1<<(h&31) | 1<<(32|h>>5&31) }

func (b *block) has(bits block) bool {
	return bits.a&^b.a|bits.b&^b.b|bits.c&^b.c|bits.d&^b.d == 0
}

func (b *block) set(bits block) {
	b.a, b.b, b.c, b.d = b.a|bits.a, b.b|bits.b, b.c|bits.c, b.d|bits.d
}
