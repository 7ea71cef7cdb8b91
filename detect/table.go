package detect

import (
	"iter"
	"sync/atomic"

	"github.com/weir-sensor/weir/internal/resident"
)

// Table remembers values by key, at most so many: beyond that, the one that was not used for longest is forgotten. What is
// kept depends on the order of use alone, not on hashes. Values stay in their place while they are remembered, so a pointer
// to one is good until it is forgotten. One goroutine uses it; K and V should hold no pointers, so that the garbage
// collector need not look at them.
type Table[K comparable, V any] struct {
	// Forget, where it is not nil, is called with what is forgotten because the table is full.
	Forget func(key K, v *V)

	cap     int
	index   []tableSlot // by hash
	chunks  [][]tableEntry[K, V]
	links   []tableLink // of the entries: apart from them, because those of neighbours are touched with every use
	used    int         // entries that were ever taken from the chunks
	free    uint32      // first of those given back, linked by newer
	len     int
	oldest  uint32
	newest  uint32
	evicted uint64
	warmed  uint32 // so that Warm's reads are not left out
}

// tableSlot is a place in the index. It has the hash, so that entries of other keys need not be looked at.
type tableSlot struct {
	hash  uint32
	entry uint32 // its place in the chunks, from 1; 0: free
}

type tableEntry[K comparable, V any] struct {
	hash  uint32
	key   K
	value V
}

// tableLink has an entry's neighbours by last use.
type tableLink struct{ older, newer uint32 }

const tableChunk = 256

// NewTable returns an empty table for at most limit entries, 1 or more.
func NewTable[K comparable, V any](limit int) *Table[K, V] {
	if limit < 1 {
		panic("bug: table without room")
	}
	return &Table[K, V]{cap: limit, index: make([]tableSlot, 16)}
}

// Len returns how many entries there are.
func (t *Table[K, V]) Len() int { return t.len }

// Evicted returns how many entries were forgotten because the table was full.
func (t *Table[K, V]) Evicted() uint64 { return t.evicted }

// Count returns the table's counts under a name.
func (t *Table[K, V]) Count(name string) TableCount {
	return TableCount{Name: name, Entries: t.len, Cap: t.cap, Evicted: t.evicted}
}

func (t *Table[K, V]) link(i uint32) *tableLink { return &t.links[i-1] }

func (t *Table[K, V]) at(i uint32) *tableEntry[K, V] {
	return &t.chunks[(i-1)/tableChunk][(i-1)%tableChunk]
}

// find returns the slot of key, or the free one where it belongs.
func (t *Table[K, V]) find(key K, hash uint32) (slot uint32, entry uint32) {
	mask := uint32(len(t.index) - 1)
	for slot = hash & mask; ; slot = (slot + 1) & mask {
		s := t.index[slot]
		if s.entry == 0 {
			return slot, 0
		}
		if s.hash == hash && t.at(s.entry).key == key {
			return slot, s.entry
		}
	}
}

// fold makes 32 bits of a hash.
func fold(hash uint64) uint32 { return uint32(hash ^ hash>>32) }

// Warm fetches what Get and Put of a key with this hash will look at first. It has no other effect: called for a group of
// keys before they are looked up, it lets the waits for memory overlap instead of following each other.
func (t *Table[K, V]) Warm(hash uint64) {
	h, mask := fold(hash), uint32(len(t.index)-1)
	for slot := h & mask; ; slot = (slot + 1) & mask {
		switch s := t.index[slot]; {
		case s.entry == 0:
			return
		case s.hash == h:
			t.warmed += t.at(s.entry).hash
			return
		}
	}
}

// WarmAll does so for a group by itself, which is faster: there is little between two waits, so that more of them overlap,
// and nothing to guess. Of a key whose slot another one has it does not fetch all.
func (t *Table[K, V]) WarmAll(hashes []uint64) {
	if t.used == 0 {
		return
	}
	mask, sum := uint32(len(t.index)-1), uint32(0)
	for _, h := range hashes {
		sum += t.index[fold(h)&mask].hash
	}
	for _, h := range hashes {
		sum += t.at(max(t.index[fold(h)&mask].entry, 1)).hash
	}
	t.warmed += sum
}

// Get returns the value of key, nil where there is none. It is no use of it.
func (t *Table[K, V]) Get(key K, hash uint64) *V {
	if _, i := t.find(key, fold(hash)); i != 0 {
		return &t.at(i).value
	}
	return nil
}

// Put returns the value of key, which was used now; fresh says that there was none and this is a zero one.
func (t *Table[K, V]) Put(key K, hash uint64) (v *V, fresh bool) {
	h := fold(hash)
	slot, i := t.find(key, h)
	if i != 0 {
		if i != t.newest {
			t.leave(i)
			t.join(i)
		}
		return &t.at(i).value, false
	}
	return t.add(key, h, slot), true
}

// Use returns the value of key, which was used now; nil where there is none.
func (t *Table[K, V]) Use(key K, hash uint64) *V {
	_, i := t.find(key, fold(hash))
	if i == 0 {
		return nil
	}
	if i != t.newest {
		t.leave(i)
		t.join(i)
	}
	return &t.at(i).value
}

// Keep returns the value of key, zero and used now where there was none; else that is no use of it. It returns nil where
// there is none and the table is full.
func (t *Table[K, V]) Keep(key K, hash uint64) (v *V, fresh bool) {
	h := fold(hash)
	slot, i := t.find(key, h)
	switch {
	case i != 0:
		return &t.at(i).value, false
	case t.len == t.cap:
		return nil, false
	}
	return t.add(key, h, slot), true
}

// add adds key at the free slot where it belongs, and returns its value.
func (t *Table[K, V]) add(key K, h uint32, slot uint32) *V {
	if t.len == t.cap {
		e := t.at(t.oldest)
		t.evicted++
		if t.Forget != nil {
			t.Forget(e.key, &e.value)
		}
		t.remove(e.key, e.hash)
		slot, _ = t.find(key, h)
	} else if 4*(t.len+1) > 3*len(t.index) {
		t.grow()
		slot, _ = t.find(key, h)
	}
	i := t.take()
	e := t.at(i)
	e.hash, e.key = h, key
	t.index[slot] = tableSlot{h, i}
	t.join(i)
	t.len++
	return &e.value
}

// Delete forgets key and says whether it was there.
func (t *Table[K, V]) Delete(key K, hash uint64) bool { return t.remove(key, fold(hash)) }

// Oldest returns the entry that was not used for longest; ok is false where there is none.
func (t *Table[K, V]) Oldest() (key K, v *V, ok bool) {
	if t.oldest == 0 {
		return key, nil, false
	}
	e := t.at(t.oldest)
	return e.key, &e.value, true
}

// All goes over the entries, the least recently used first. The one at hand may be deleted meanwhile, no other.
func (t *Table[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for i := t.oldest; i != 0; {
			e := t.at(i)
			i = t.link(i).newer
			if !yield(e.key, &e.value) {
				return
			}
		}
	}
}

// Clear forgets everything, at a cost that is that of what there is, not of what there was once. Counts stay.
func (t *Table[K, V]) Clear() {
	if 16*t.used < len(t.index) {
		t.index = make([]tableSlot, 16) // it grows again
	} else {
		clear(t.index)
	}
	for _, c := range t.chunks[:(t.used+tableChunk-1)/tableChunk] {
		clear(c)
	}
	t.used, t.free, t.len, t.oldest, t.newest = 0, 0, 0, 0, 0
}

// take returns a zero entry that is in no list.
func (t *Table[K, V]) take() uint32 {
	if i := t.free; i != 0 {
		t.free = t.link(i).newer
		return i
	}
	if t.used == len(t.chunks)*tableChunk {
		t.chunks = append(t.chunks, make([]tableEntry[K, V], tableChunk))
	}
	if t.used++; t.used > len(t.links) {
		t.links = append(t.links, tableLink{})
	}
	return uint32(t.used)
}

func (t *Table[K, V]) remove(key K, hash uint32) bool {
	slot, i := t.find(key, hash)
	if i == 0 {
		return false
	}
	t.leave(i)
	*t.at(i) = tableEntry[K, V]{}
	t.link(i).newer, t.free = t.free, i
	t.len--
	t.close(slot)
	return true
}

// close frees a slot, and moves up those behind it that would not be found any more.
func (t *Table[K, V]) close(slot uint32) {
	mask := uint32(len(t.index) - 1)
	for next := (slot + 1) & mask; t.index[next].entry != 0; next = (next + 1) & mask {
		home := t.index[next].hash & mask
		if (next-home)&mask >= (next-slot)&mask {
			t.index[slot] = t.index[next]
			slot = next
		}
	}
	t.index[slot] = tableSlot{}
}

func (t *Table[K, V]) grow() {
	old := t.index
	t.index = make([]tableSlot, 2*len(old))
	resident.Touch(t.index, func(s *tableSlot) { atomic.AddUint32(&s.hash, 0) })
	mask := uint32(len(t.index) - 1)
	for _, s := range old {
		if s.entry == 0 {
			continue
		}
		slot := s.hash & mask
		for t.index[slot].entry != 0 {
			slot = (slot + 1) & mask
		}
		t.index[slot] = s
	}
}

// join makes an entry the newest.
func (t *Table[K, V]) join(i uint32) {
	*t.link(i) = tableLink{older: t.newest}
	if t.newest != 0 {
		t.link(t.newest).newer = i
	} else {
		t.oldest = i
	}
	t.newest = i
}

// leave takes an entry out of the order of use.
func (t *Table[K, V]) leave(i uint32) {
	l := *t.link(i)
	if l.older != 0 {
		t.link(l.older).newer = l.newer
	} else {
		t.oldest = l.newer
	}
	if l.newer != 0 {
		t.link(l.newer).older = l.older
	} else {
		t.newest = l.older
	}
}
