package trend

import "github.com/weir-sensor/weir/detect"

// heavy finds the most frequent keys of a stream with so many counters: Space-Saving (Metwally, Agrawal and El Abbadi,
// Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005). A count is too high by at most its error,
// which is at most the length of the stream over the number of counters; every key more frequent than that has a counter.
type heavy[K comparable] struct {
	index    *detect.Table[K, uint32] // place of a key's counter
	counters []counter[K]
	groups   []group // of counters with the same count
	least    uint32  // group with the lowest count; none: noGroup
	free     uint32  // group that is in no use, linked by next
}

type counter[K comparable] struct {
	key          K
	hash         uint64
	count, error uint64
	group        uint32
	before, next uint32 // in its group
}

// group lists counters of one count; groups are linked by rising counts.
type group struct {
	count        uint64
	first        uint32 // counter
	before, next uint32
}

const none = ^uint32(0)

func newHeavy[K comparable](limit int) *heavy[K] {
	h := &heavy[K]{index: detect.NewTable[K, uint32](limit), counters: make([]counter[K], 0, limit), groups: make([]group, 0, limit+1)}
	h.reset()
	return h
}

// reset forgets everything.
func (h *heavy[K]) reset() {
	h.index.Clear()
	h.counters, h.groups, h.least, h.free = h.counters[:0], h.groups[:0], none, none
}

// add counts a key and returns its count and by how much that may be too high.
func (h *heavy[K]) add(key K, hash uint64) (count, error uint64) {
	place := h.index.Get(key, hash)
	var i uint32
	switch {
	case place != nil:
		i = *place
	case len(h.counters) < cap(h.counters):
		i = uint32(len(h.counters))
		h.counters = append(h.counters, counter[K]{key: key, hash: hash, group: none})
		at, _ := h.index.Put(key, hash)
		*at = i
	default: // takes the place of one that is least frequent
		i = h.groups[h.least].first
		c := &h.counters[i]
		h.index.Delete(c.key, c.hash)
		at, _ := h.index.Put(key, hash)
		*at = i
		c.key, c.hash, c.error = key, hash, c.count
	}
	h.raise(i)
	return h.counters[i].count, h.counters[i].error
}

// raise moves a counter to the group of the next count.
func (h *heavy[K]) raise(i uint32) {
	c := &h.counters[i]
	old := c.group
	c.count++
	next := h.least
	if old != none {
		next = h.groups[old].next
	}
	if next == none || h.groups[next].count != c.count {
		next = h.insert(c.count, old, next)
	}
	if old != none {
		h.leave(i)
	}
	g := &h.groups[next]
	c.group, c.before, c.next = next, none, g.first
	if g.first != none {
		h.counters[g.first].before = i
	}
	g.first = i
}

// insert makes a group between two others and returns its place.
func (h *heavy[K]) insert(count uint64, before, next uint32) uint32 {
	g := h.free
	if g != none {
		h.free = h.groups[g].next
	} else {
		g = uint32(len(h.groups))
		h.groups = append(h.groups, group{})
	}
	h.groups[g] = group{count, none, before, next}
	if before != none {
		h.groups[before].next = g
	} else {
		h.least = g
	}
	if next != none {
		h.groups[next].before = g
	}
	return g
}

// leave takes a counter out of its group, and the group away with its last one.
func (h *heavy[K]) leave(i uint32) {
	c := &h.counters[i]
	g := &h.groups[c.group]
	if c.before != none {
		h.counters[c.before].next = c.next
	} else {
		g.first = c.next
	}
	if c.next != none {
		h.counters[c.next].before = c.before
	}
	if g.first != none {
		return
	}
	if g.before != none {
		h.groups[g.before].next = g.next
	} else {
		h.least = g.next
	}
	if g.next != none {
		h.groups[g.next].before = g.before
	}
	place := c.group
	g.next, h.free = h.free, place
}
