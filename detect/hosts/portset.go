package hosts

import (
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// portID is a protocol's port as a number from 1 to portIDs.
func portID(proto uint8, port uint16) uint32 {
	base := uint32(0)
	switch proto {
	case packet.ProtoUDP:
		base = 1
	case packet.ProtoSCTP:
		base = 2
	}
	return base<<16 + uint32(port) + 1
}

const portIDs = 3 << 16

// portSet is a host's distinct ports. The first few are in the set itself, more of them in a set of the pool, and the most
// in a bitmap of it: the count is exact, unless the pool is exhausted.
type portSet struct {
	few   [8]uint32
	count uint32
	more  uint32 // place in the pool's sets or, beyond setMax, bitmaps, from 1
	short bool   // the pool had no room: the count is too low
}

const setMax = 128

// pool is what port sets grow into.
type pool struct {
	sets    slab[[2 * setMax]uint32]
	bitmaps slab[[portIDs/64 + 1]uint64]
}

// add adds a port and says whether the count changed.
func (p *pool) add(s *portSet, id uint32) bool {
	switch {
	case s.short:
		return false
	case s.count > setMax:
		return p.mark(s, id)
	case s.count > uint32(len(s.few)):
		return p.insert(s, id)
	}
	for _, f := range s.few[:s.count] {
		if f == id {
			return false
		}
	}
	if s.count < uint32(len(s.few)) {
		s.few[s.count] = id
		s.count++
		return true
	}
	if s.more = p.sets.take(); s.more == 0 {
		s.short = true
		return false
	}
	for _, f := range s.few {
		put(p.sets.at(s.more), f)
	}
	put(p.sets.at(s.more), id)
	s.count++
	return true
}

// insert adds a port to a set of the pool.
func (p *pool) insert(s *portSet, id uint32) bool {
	set := p.sets.at(s.more)
	if has(set, id) {
		return false
	}
	if s.count < setMax {
		put(set, id)
		s.count++
		return true
	}
	b := p.bitmaps.take()
	if b == 0 {
		s.short = true
		return false
	}
	bitmap := p.bitmaps.at(b)
	for _, f := range set {
		bitmap[f/64] |= 1 << (f % 64) // 0, which is free, is no port
	}
	p.sets.give(s.more)
	s.more = b
	s.count++
	bitmap[id/64] |= 1 << (id % 64)
	return true
}

// mark adds a port to a bitmap of the pool.
func (p *pool) mark(s *portSet, id uint32) bool {
	w, bit := &p.bitmaps.at(s.more)[id/64], uint64(1)<<(id%64)
	if *w&bit != 0 {
		return false
	}
	*w |= bit
	s.count++
	return true
}

// release gives back what the set has of the pool.
func (p *pool) release(s *portSet) {
	switch {
	case s.more == 0:
	case s.count > setMax:
		p.bitmaps.give(s.more)
	default:
		p.sets.give(s.more)
	}
}

// slot is where a port's search begins: by its high bits after a multiplication.
func slot(id uint32) int { return int(id * 0x9e3779b1 >> (32 - bits.Len(2*setMax-1))) }

func has(set *[2 * setMax]uint32, id uint32) bool {
	for i := slot(id); ; i = (i + 1) % len(set) {
		if set[i] == id || set[i] == 0 {
			return set[i] == id
		}
	}
}

func put(set *[2 * setMax]uint32, id uint32) {
	i := slot(id)
	for set[i] != 0 {
		i = (i + 1) % len(set)
	}
	set[i] = id
}

// slab hands out zero values of a type, at most so many.
type slab[T any] struct {
	limit    int
	all      []*T
	free     []uint32
	rejected uint64
}

func (s *slab[T]) at(i uint32) *T { return s.all[i-1] }

// take returns a place, 0 where there is no more room.
func (s *slab[T]) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	if len(s.all) == s.limit {
		s.rejected++
		return 0
	}
	s.all = append(s.all, new(T))
	return uint32(len(s.all))
}

func (s *slab[T]) give(i uint32) {
	var zero T
	*s.all[i-1] = zero
	s.free = append(s.free, i)
}

// clear takes everything back.
func (p *pool) clear() {
	p.sets.clear()
	p.bitmaps.clear()
}

func (s *slab[T]) clear() {
	if len(s.free) == len(s.all) { // all are zero
		return
	}
	var zero T
	s.free = s.free[:0]
	for i := range s.all {
		*s.all[i] = zero
		s.free = append(s.free, uint32(len(s.all)-i))
	}
}
