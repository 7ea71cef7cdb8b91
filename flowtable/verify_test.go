package flowtable

import "fmt"

// verify looks at everything that must hold inside a table between two calls.
func (t *Table) verify() error {
	c := t.Counters()
	written := uint64(0)
	for _, n := range c.Written {
		written += n
	}
	if c.Opened != uint64(t.Open())+written {
		return fmt.Errorf("opened %d, but %d open and %d written", c.Opened, t.Open(), written)
	}
	if t.Open() > t.limit {
		return fmt.Errorf("%d flows open, limit %d", t.Open(), t.limit)
	}
	if c.Orphans > c.Fragments || c.Pressure > c.Written[EndEvicted] {
		return fmt.Errorf("counters contradict themselves: %+v", c)
	}
	if err := t.verifyIndex(); err != nil {
		return err
	}
	if err := t.verifySlabs(); err != nil {
		return err
	}
	if err := t.verifyFirsts(); err != nil {
		return err
	}
	linked := 0
	for i := range t.queues {
		n, err := t.verifyQueue(i)
		if err != nil {
			return fmt.Errorf("queue %d: %w", i, err)
		}
		linked += n
	}
	if linked != t.Open() {
		return fmt.Errorf("%d flows linked, %d open", linked, t.Open())
	}
	return nil
}

// verifyIndex checks that each slot's flow is found by its own key, once.
func (t *Table) verifyIndex() error {
	seen := make(map[uint32]bool)
	mask := uint32(len(t.index.slots) - 1)
	for at, s := range t.index.slots {
		if s == 0 {
			continue
		}
		place, hash := uint32(s), uint32(s>>32)
		if seen[place] || place > t.made {
			return fmt.Errorf("index: place %d twice or beyond %d", place, t.made)
		}
		seen[place] = true
		if t.flow(place).hash != hash {
			return fmt.Errorf("index: place %d under hash %x, its flow has %x", place, hash, t.flow(place).hash)
		}
		for i := hash & mask; i != uint32(at); i = (i + 1) & mask {
			if t.index.slots[i] == 0 {
				return fmt.Errorf("index: slot %d cannot be reached from its home %d", at, hash&mask)
			}
		}
	}
	if len(seen) != t.index.used {
		return fmt.Errorf("index: %d slots in use, counted %d", len(seen), t.index.used)
	}
	return nil
}

// verifySlabs checks that places and extensions are either in use or free.
func (t *Table) verifySlabs() error {
	if got := len(t.free) + t.Open(); got != int(t.made) {
		return fmt.Errorf("%d places made, %d in use or free", t.made, got)
	}
	owner := make(map[uint32]bool)
	for _, e := range t.freeExts {
		if owner[e] {
			return fmt.Errorf("extension %d is free twice", e)
		}
		owner[e] = true
	}
	for _, s := range t.index.slots {
		if s == 0 {
			continue
		}
		if e := t.flow(uint32(s)).ext; e != 0 {
			if owner[e] {
				return fmt.Errorf("extension %d has two owners", e)
			}
			owner[e] = true
		}
	}
	if len(owner) != len(t.exts)-1 {
		return fmt.Errorf("%d extensions made, %d in use or free", len(t.exts)-1, len(owner))
	}
	return nil
}

// verifyFirsts checks that each buffer of a first payload is free or has one owner, that those in use are linked, and
// that there are no more than the limit.
func (t *Table) verifyFirsts() error {
	if t.measures == nil {
		return nil
	}
	m := &t.measures.firsts
	owned := make(map[uint32]bool)
	for _, i := range m.free {
		if owned[i] {
			return fmt.Errorf("buffer %d is free twice", i)
		}
		owned[i] = true
	}
	used := 0
	for _, s := range t.index.slots {
		place := uint32(s)
		if place == 0 {
			continue
		}
		for d := range 2 {
			if t.flow(place).told.first(d) != firstOpen {
				continue
			}
			used++
			i := m.states.at(place)[d].buffer
			if b := m.buffers[i]; owned[i] || b.place != place || int(b.end) != d {
				return fmt.Errorf("buffer %d of flow %d, end %d, is free or another's: it says %d, %d", i, place, d, b.place, b.end)
			}
			owned[i] = true
		}
	}
	if made := len(m.buffers) - 1; len(owned) != made || made > m.limit {
		return fmt.Errorf("%d buffers made, %d in use or free, limit %d", made, len(owned), m.limit)
	}
	prev := uint32(0)
	for i := m.buffers[0].next; i != 0; i = m.buffers[i].next {
		if used--; used < 0 || m.buffers[i].prev != prev {
			return fmt.Errorf("broken list at buffer %d", i)
		}
		prev = i
	}
	if used != 0 || m.buffers[0].prev != prev {
		return fmt.Errorf("%d buffers in use are not linked", used)
	}
	return nil
}

// verifyQueue walks all lists of a queue and returns how many flows are in them.
func (t *Table) verifyQueue(i int) (int, error) {
	q := &t.queues[i]
	n := 0
	for b := range perQueue {
		head := uint32(i*perQueue + b)
		prev := head
		for node := t.links[head].next; node != head; node = t.links[node].next {
			if node < sentinels || t.links[node].prev != prev || n > t.Open() {
				return 0, fmt.Errorf("bucket %d: broken list at node %d", b, node)
			}
			f := t.flow(node - sentinels)
			if int(f.queue) != i {
				return 0, fmt.Errorf("bucket %d: flow of queue %d", b, f.queue)
			}
			if b == buckets && !q.current {
				return 0, fmt.Errorf("flows wait in the list being looked at, but it is not marked")
			}
			prev = node
			n++
		}
		if t.links[head].prev != prev {
			return 0, fmt.Errorf("bucket %d: the head's prev is wrong", b)
		}
	}
	if n != q.flows {
		return 0, fmt.Errorf("%d flows linked, counted %d", n, q.flows)
	}
	if n > 0 && q.low < q.hand {
		return 0, fmt.Errorf("low %d is behind the hand %d", q.low, q.hand)
	}
	return n, nil
}
