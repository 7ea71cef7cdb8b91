package blocklist

import (
	"net/netip"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// Table finds the prefixes of several lists around an address. It is never changed, so any number of goroutines may use
// it at a time.
//
// Prefixes are nested or apart. So the longest one around an address is the last in order that begins no later, or the
// first one around that which reaches the address, too. What begins last is found in the bucket of the address's first
// bits (16 of IPv4, 32 of IPv6), by a search in few bytes that lie side by side.
type Table struct {
	Lists []*List

	before []uint32 // of each list: how many prefixes those in front of it have; one more

	// All prefixes of all lists in order, those of IPv4 first. They are named by their places here, from 1; 0 is none.
	entries []uint32 // places among the entries of all lists, one list behind the other
	parents []uint32 // of each the next longer prefix that is around it or, of another list, equal to it
	v4      table4
	v6      table6
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
	t := &Table{Lists: lists, before: []uint32{0}}
	total := uint32(0)
	for _, l := range lists {
		total += uint32(len(l.entries))
		t.before = append(t.before, total)
	}
	t.entries, t.parents = make([]uint32, total), make([]uint32, total)
	for i := range t.entries {
		t.entries[i] = uint32(i)
	}
	if len(lists) > 1 { // one list is in order
		slices.SortStableFunc(t.entries, func(a, b uint32) int { return compareEntries(t.at(a), t.at(b)) })
	}
	t.nest()
	v4 := uint32(0)
	for v4 < total && t.entry(v4+1).version == 4 {
		v4++
	}
	t.v4, t.v6 = newTable4(t, v4), newTable6(t, v4)
	return t
}

// listOf returns the place of the list that a place among all entries is in.
func (t *Table) listOf(place uint32) int {
	list := 0
	for place >= t.before[list+1] {
		list++
	}
	return list
}

func (t *Table) at(place uint32) *entry {
	list := t.listOf(place)
	return &t.Lists[list].entries[place-t.before[list]]
}

func (t *Table) entry(n uint32) *entry { return t.at(t.entries[n-1]) }

// nest finds each prefix's parent, in one pass over the prefixes in order.
func (t *Table) nest() {
	var open []uint32 // prefixes around the one at hand, the shortest first
	for i := range t.entries {
		n := uint32(i + 1)
		e := t.entry(n)
		for len(open) > 0 && !t.entry(open[len(open)-1]).contains(e.first, e.version) {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			t.parents[i] = open[len(open)-1]
		}
		open = append(open, n)
	}
}

// contains says whether an address is in the prefix.
func (e *entry) contains(a packet.Addr, version uint8) bool {
	if e.version != version {
		return false
	}
	free := 128 - uint(e.bits)
	if version == 4 {
		free = 32 - uint(e.bits)
	}
	if free >= 64 {
		return (a.Hi^e.first.Hi)>>(free-64) == 0
	}
	return a.Hi == e.first.Hi && (a.Lo^e.first.Lo)>>free == 0
}

// around returns the longest prefix around an address among n and those around that.
func (t *Table) around(n uint32, a packet.Addr, version uint8) uint32 {
	for n != 0 && !t.entry(n).contains(a, version) {
		n = t.parents[n-1]
	}
	return n
}

// Find returns the longest prefix around an address, of IP version 4 or 6: a number from 1, for Matches; 0: none is.
func (t *Table) Find(a packet.Addr, version uint8) uint32 {
	if version == 4 {
		return t.find4(uint32(a.Lo))
	}
	return t.find6(a)
}

// Matches appends all prefixes around the one that Find returned, itself included, to dst: the longest first and, of equal
// ones, the last list's first.
func (t *Table) Matches(dst []Match, found uint32) []Match {
	for found != 0 {
		e := t.entry(found)
		dst = append(dst, Match{t.Lists[t.listOf(t.entries[found-1])], e.prefix(), int(e.line), int(e.reliability), int(e.risk)})
		found = t.parents[found-1]
	}
	return dst
}

// Prefixes returns how many prefixes the table has, each list's counted for itself.
func (t *Table) Prefixes() int { return len(t.entries) }

// Bytes returns what the table takes in memory, the lists included.
func (t *Table) Bytes() int {
	n := 4*cap(t.entries) + 4*cap(t.parents) + t.v4.bytes() + t.v6.bytes()
	for _, l := range t.Lists {
		n += l.Bytes()
	}
	return n
}
