package pairs

import (
	"sync/atomic"

	"github.com/weir-sensor/weir/internal/resident"
)

// index finds entries, which are numbered from 0, by the hashes of their keys. Those of one hash are for its user to tell
// apart. Slots are in the order of hashes, so that growing goes through memory from front to back.
type index struct {
	slots []slot
	shift int // of a hash to its slot
	len   int
}

type slot struct {
	hash  uint32
	entry uint32 // from 1; 0: the slot is free
}

const minBits = 4

func newIndex() index { return index{slots: make([]slot, 1<<minBits), shift: 32 - minBits} }

// fold makes 32 bits of a hash.
func fold(hash uint64) uint32 { return uint32(hash ^ hash>>32) }

// home returns the slot where entries of a hash begin.
func (x *index) home(hash uint32) uint32 { return hash >> x.shift }

// seek returns the first entry of a hash from a slot on, and where it is; -1: there is none.
func (x *index) seek(hash, from uint32) (at uint32, entry int) {
	mask := uint32(len(x.slots) - 1)
	for at = from & mask; ; at = (at + 1) & mask {
		if s := x.slots[at]; s.hash == hash || s.entry == 0 {
			return at, int(s.entry) - 1
		}
	}
}

// add adds an entry.
func (x *index) add(hash uint32, entry int) {
	if x.len++; 4*x.len > 3*len(x.slots) {
		old := x.slots
		x.slots, x.shift = make([]slot, 2*len(old)), x.shift-1
		resident.Touch(x.slots, func(s *slot) { atomic.AddUint32(&s.hash, 0) })
		for _, s := range old {
			if s.entry != 0 {
				x.place(s)
			}
		}
	}
	x.place(slot{hash, uint32(entry) + 1})
}

// place puts a slot where it belongs.
func (x *index) place(s slot) {
	mask := uint32(len(x.slots) - 1)
	at := x.home(s.hash)
	for x.slots[at].entry != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = s
}

// remove removes an entry, which must be there, and moves up those behind it that would not be found any more.
func (x *index) remove(hash uint32, entry int) {
	mask := uint32(len(x.slots) - 1)
	at := x.home(hash)
	for x.slots[at].entry != uint32(entry)+1 {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; x.slots[next].entry != 0; next = (next + 1) & mask {
		if (next-x.home(x.slots[next].hash))&mask >= (next-at)&mask {
			x.slots[at] = x.slots[next]
			at = next
		}
	}
	x.slots[at] = slot{}
	x.len--
}

func (x *index) clear() {
	clear(x.slots)
	x.len = 0
}
