package blocklist

import (
	"slices"
	"sort"

	"github.com/weir-sensor/weir/packet"
)

// table6 finds prefixes of IPv6, which are those behind the ones of IPv4. The zero value has none.
type table6 struct {
	base    uint32    // prefixes of IPv4
	buckets []bucket6 // by the first 32 bits of where prefixes begin, which are hashed to a place
	keys    []key6    // of the prefixes
	short   []uint32  // prefixes of fewer than 32 bits, in order
}

// bucket6 is prefixes that begin with the same 32 bits.
type bucket6 struct {
	top      uint32 // first 32 bits
	from, to uint32 // places in keys; both 0: there is no such bucket
	around   uint32 // the longest one that begins before the bucket and is around all of it; 0: none
}

// key6 is where a prefix begins without the first 32 bits, and its length.
type key6 struct {
	low    uint64 // last 64 bits
	middle uint32 // bits 33 to 64
	length uint8
	nested bool // another prefix is around it
}

// newTable6 returns a table of the prefixes behind the first base ones.
func newTable6(t *Table, base uint32) table6 {
	n := uint32(len(t.entries)) - base
	if n == 0 {
		return table6{}
	}
	v := table6{base: base, keys: make([]key6, n)}
	var all []bucket6
	for i := range n {
		e := t.entry(base + i + 1)
		v.keys[i] = key6{low: e.first.Lo, middle: uint32(e.first.Hi), length: e.bits, nested: t.parents[base+i] != 0}
		if e.bits < 32 {
			v.short = append(v.short, base+i+1)
		}
		top := uint32(e.first.Hi >> 32)
		if len(all) == 0 || all[len(all)-1].top != top {
			around := t.around(base+i, packet.Addr{Hi: e.first.Hi &^ (1<<32 - 1)}, 6)
			all = append(all, bucket6{top: top, from: i, around: around})
		}
		all[len(all)-1].to = i + 1
	}
	v.buckets = make([]bucket6, 2*len(all))
	for _, b := range all {
		*v.bucket(b.top) = b
	}
	return v
}

// bucket returns the place of a bucket, or the free one where it would be.
func (v *table6) bucket(top uint32) *bucket6 {
	size := uint64(len(v.buckets))
	at := uint64(top*0x9e3779b1) * size >> 32
	for v.buckets[at].to != 0 && v.buckets[at].top != top {
		if at++; at == size {
			at = 0
		}
	}
	return &v.buckets[at]
}

func (t *Table) find6(a packet.Addr) uint32 {
	v := &t.v6
	if len(v.keys) == 0 {
		return 0
	}
	b := v.bucket(uint32(a.Hi >> 32))
	if b.to == 0 {
		return t.findShort(a)
	}
	first := v.base + b.from
	for found := v.base + v.upTo(b, a); found > first; found = t.parents[found-1] {
		k := &v.keys[found-v.base-1]
		if k.contains(a) {
			return found
		}
		if !k.nested {
			return 0
		}
	}
	return b.around // what begins before the bucket and reaches into it is around all of it
}

// near is how far from its guess a place is looked for step by step.
const near = 24

// upTo returns how many prefixes begin at an address of a bucket, or before it. It looks first where that would be if they
// were spread evenly.
func (v *table6) upTo(b *bucket6, a packet.Addr) uint32 {
	at := b.from + uint32(uint64(b.to-b.from)*uint64(uint32(a.Hi))>>32)
	low, high := max(at, b.from+near)-near, min(at+near, b.to)
	for at < high && !v.keys[at].after(a) {
		at++
	}
	for at > low && v.keys[at-1].after(a) {
		at--
	}
	if at > low && at < high || low == b.from && high == b.to {
		return at
	}
	return b.from + uint32(sort.Search(int(b.to-b.from), func(i int) bool { return v.keys[b.from+uint32(i)].after(a) }))
}

// after says whether the prefix begins after an address of its bucket.
func (k *key6) after(a packet.Addr) bool {
	middle := uint32(a.Hi)
	return k.middle > middle || k.middle == middle && k.low > a.Lo
}

// contains says whether an address is in the prefix, which begins no later and in its bucket.
func (k *key6) contains(a packet.Addr) bool {
	free := 128 - uint(k.length)
	middle := uint64(uint32(a.Hi) ^ k.middle)
	return (a.Lo^k.low)>>free|middle>>(max(free, 64)-64) == 0
}

// findShort is Find of an address in whose bucket there is nothing.
func (t *Table) findShort(a packet.Addr) uint32 {
	next, _ := slices.BinarySearchFunc(t.v6.short, a, func(n uint32, a packet.Addr) int {
		if a.Less(t.entry(n).first) {
			return 1
		}
		return -1
	})
	if next == 0 {
		return 0
	}
	return t.around(t.v6.short[next-1], a, 6)
}

func (v *table6) bytes() int { return 16*cap(v.buckets) + 16*cap(v.keys) + 4*cap(v.short) }
