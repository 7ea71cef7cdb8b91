package blocklist

import "math/bits"

// index narrows down a search in a sorted slice of numbers. It cuts the stretch of numbers that there are evenly into about
// as many slots as there are numbers, and a slot with many of them once more. Before that, it knows of finer parts, a bit
// each, that there is nothing in them, which is where most of what is looked up falls.
type index struct {
	spans []span // the first is all
	slots []slot

	full  []uint64 // a bit for each part, set where there is something
	shift uint8    // of what is above spans[0].base, to the part's number
}

// span is numbers from base on, cut into count slots of 1<<shift numbers each.
type span struct {
	base      uint64
	at, count uint32 // its slots; one more behind them tells where the last one ends
	shift     uint8
}

type slot struct {
	low   uint32 // how many numbers there are below it
	inner uint32 // the span of its numbers, in spans; 0: it has none of its own
}

const (
	fewNumbers = 16 // a slot with more has a span of its own
	maxDepth   = 3  // of spans, which bounds the memory
	finer      = 4  // log2 of the parts for each number
)

// newIndex returns an index of n numbers in order. Each stands for itself and what is behind it, up to last.
func newIndex(n int, number, last func(i uint32) uint64) index {
	var x index
	if n == 0 {
		return x
	}
	x.add(0, uint32(n), number, 1)
	base, end := number(0), last(uint32(n-1))
	width := bits.Len64(end - base)
	cut := min(width, bits.Len(uint(n))-1+finer)
	x.shift = uint8(width - cut)
	x.full = make([]uint64, (end-base)>>x.shift>>6+1)
	for i := range uint32(n) {
		for part := (number(i) - base) >> x.shift; part <= (last(i)-base)>>x.shift; part++ {
			x.full[part>>6] |= 1 << (part & 63)
		}
	}
	return x
}

// add adds a span of the numbers low..high-1 and returns its place.
func (x *index) add(low, high uint32, number func(i uint32) uint64, depth int) uint32 {
	s := span{base: number(low), at: uint32(len(x.slots))}
	width := bits.Len64(number(high-1) - s.base)
	cut := min(width, bits.Len32(high-low)-1)
	s.count, s.shift = 1<<cut, uint8(width-cut)
	place := uint32(len(x.spans))
	x.spans = append(x.spans, s)
	next := low
	for k := range uint64(s.count) {
		x.slots = append(x.slots, slot{low: next})
		for next < high && (number(next)-s.base)>>s.shift == k {
			next++
		}
	}
	x.slots = append(x.slots, slot{low: high})
	if depth == maxDepth || width == 0 {
		return place
	}
	for i := s.at; i < s.at+s.count; i++ {
		if from, to := x.slots[i].low, x.slots[i+1].low; to-from > fewNumbers {
			inner := x.add(from, to, number, depth+1)
			x.slots[i].inner = inner
		}
	}
	return place
}

// around returns low and high: as many numbers are at most number, or low at least and high at most. ok is false where it
// is behind none, for sure.
func (x *index) around(number uint64) (low, high uint32, ok bool) {
	if len(x.spans) == 0 || number < x.spans[0].base {
		return 0, 0, false
	}
	part := (number - x.spans[0].base) >> x.shift
	if part>>6 >= uint64(len(x.full)) || x.full[part>>6]>>(part&63)&1 == 0 {
		return 0, 0, false
	}
	for s := &x.spans[0]; ; {
		k := (number - s.base) >> s.shift
		switch {
		case number < s.base:
			low = x.slots[s.at].low
			return low, low, true
		case k >= uint64(s.count):
			low = x.slots[s.at+s.count].low
			return low, low, true
		}
		i := s.at + uint32(k)
		if x.slots[i].inner == 0 {
			return x.slots[i].low, x.slots[i+1].low, true
		}
		s = &x.spans[x.slots[i].inner]
	}
}

func (x *index) bytes() int { return 24*cap(x.spans) + 8*(cap(x.slots)+cap(x.full)) }
