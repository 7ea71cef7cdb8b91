package blocklist

import (
	"net/netip"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// Table finds the prefixes of several lists around an address. It is never changed, so any number of goroutines may use
// it at a time.
//
// Prefixes are nested or apart, so they cut the addresses into stretches, within each of which the longest prefix is the
// same one. They are kept in order, and found by binary search among the few that an index names.
type Table struct {
	Lists []*List

	nodes []node // all prefixes of all lists
	v4    stretches[uint32]
	v6    stretches[packet.Addr]
}

// node is one prefix of one list.
type node struct {
	list   uint32
	entry  uint32
	parent uint32 // place of the next longer prefix that is around it or, of another list, equal to it, from 1; 0: none
}

// stretches are in order and apart from each other.
type stretches[A comparable] struct {
	all []stretch[A]
	index
}

// stretch is addresses first..last whose longest prefix is node, from 1.
type stretch[A comparable] struct {
	first, last A
	node        uint32
}

// Match is one prefix around an address.
type Match struct {
	List        *List
	Prefix      netip.Prefix
	Line        int
	Reliability int // 1..10; 0: the list does not say
	Risk        int // 1..10; 0: the list does not say
}

// NewTable returns a table of all prefixes of the lists.
func NewTable(lists []*List) *Table {
	t := &Table{Lists: lists}
	total := 0
	for _, l := range lists {
		total += len(l.entries)
	}
	t.nodes = make([]node, 0, total)
	for i, l := range lists {
		for j := range l.entries {
			t.nodes = append(t.nodes, node{list: uint32(i), entry: uint32(j)})
		}
	}
	if len(lists) > 1 { // one list is in order
		slices.SortStableFunc(t.nodes, func(a, b node) int { return compareEntries(t.entry(a), t.entry(b)) })
	}
	t.cut()
	t.v4.index = newIndex(len(t.v4.all), func(i uint32) uint64 { return uint64(t.v4.all[i].first) },
		func(i uint32) uint64 { return uint64(t.v4.all[i].last) })
	t.v6.index = newIndex(len(t.v6.all), func(i uint32) uint64 { return t.v6.all[i].first.Hi },
		func(i uint32) uint64 { return t.v6.all[i].last.Hi })
	return t
}

func (t *Table) entry(n node) *entry { return &t.Lists[n.list].entries[n.entry] }

// cut finds the stretches, and each prefix's parent, in one pass over the prefixes in order.
func (t *Table) cut() {
	var open []uint32    // prefixes around the address at hand, the shortest first
	var next packet.Addr // first address that is in no stretch yet
	until := func(n uint32, last packet.Addr) {
		if !last.Less(next) {
			t.add(t.entry(t.nodes[n-1]).version, next, last, n)
		}
	}
	closeBefore := func(e *entry) {
		for len(open) > 0 {
			top := open[len(open)-1]
			around := t.entry(t.nodes[top-1])
			last := around.last()
			if e != nil && e.version == around.version && !last.Less(e.first) {
				return
			}
			until(top, last)
			next = after(last)
			open = open[:len(open)-1]
		}
	}
	for i := range t.nodes {
		e := t.entry(t.nodes[i])
		closeBefore(e)
		if len(open) > 0 {
			top := open[len(open)-1]
			t.nodes[i].parent = top
			if next.Less(e.first) {
				until(top, before(e.first))
			}
		}
		open, next = append(open, uint32(i+1)), e.first
	}
	closeBefore(nil)
	t.v4.all, t.v6.all = slices.Clip(t.v4.all), slices.Clip(t.v6.all)
}

func (t *Table) add(version uint8, first, last packet.Addr, n uint32) {
	if version == 4 {
		t.v4.all = append(t.v4.all, stretch[uint32]{uint32(first.Lo), uint32(last.Lo), n})
	} else {
		t.v6.all = append(t.v6.all, stretch[packet.Addr]{first, last, n})
	}
}

func after(a packet.Addr) packet.Addr {
	a.Lo++
	if a.Lo == 0 {
		a.Hi++
	}
	return a
}

func before(a packet.Addr) packet.Addr {
	if a.Lo == 0 {
		a.Hi--
	}
	a.Lo--
	return a
}

// Find returns the longest prefix around an address, of IP version 4 or 6: a number from 1, for Matches; 0: none is.
func (t *Table) Find(a packet.Addr, version uint8) uint32 {
	if version == 4 {
		return t.find4(uint32(a.Lo))
	}
	return t.find6(a)
}

func (t *Table) find4(a uint32) uint32 {
	low, high, ok := t.v4.around(uint64(a))
	if !ok {
		return 0
	}
	all := t.v4.all
	for low < high {
		if mid := (low + high) / 2; all[mid].first <= a {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low > 0 && a <= all[low-1].last {
		return all[low-1].node
	}
	return 0
}

func (t *Table) find6(a packet.Addr) uint32 {
	low, high, ok := t.v6.around(a.Hi)
	if !ok {
		return 0
	}
	all := t.v6.all
	for low < high {
		if mid := (low + high) / 2; !a.Less(all[mid].first) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low > 0 && !all[low-1].last.Less(a) {
		return all[low-1].node
	}
	return 0
}

// Matches appends all prefixes around the one that Find returned, itself included, to dst: the longest first and, of equal
// ones, the last list's first.
func (t *Table) Matches(dst []Match, found uint32) []Match {
	for found != 0 {
		n := t.nodes[found-1]
		e := t.entry(n)
		dst = append(dst, Match{t.Lists[n.list], e.prefix(), int(e.line), int(e.reliability), int(e.risk)})
		found = n.parent
	}
	return dst
}

// Prefixes returns how many prefixes the table has, each list's counted for itself.
func (t *Table) Prefixes() int { return len(t.nodes) }

// Bytes returns what the table takes in memory, the lists included.
func (t *Table) Bytes() int {
	n := 12*cap(t.nodes) + 12*cap(t.v4.all) + 40*cap(t.v6.all) + t.v4.bytes() + t.v6.bytes()
	for _, l := range t.Lists {
		n += l.Bytes()
	}
	return n
}
