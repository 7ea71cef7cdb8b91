package blocklist

import (
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// table6 finds prefixes of IPv6, which are those behind the ones of IPv4. The zero value has none.
type table6 struct {
	base    uint32    // prefixes of IPv4
	buckets []bucket6 // by the first 32 bits of where prefixes begin, which are hashed to a place
	mids    []uint32  // of the prefixes: bits 33 to 64 of where they begin
	lows    []uint64  // bits 65 to 128
	lengths []uint8
	short   []uint32 // prefixes of fewer than 32 bits, in order
}

// bucket6 is prefixes that begin with the same 32 bits.
type bucket6 struct {
	top      uint32 // first 32 bits
	from, to uint32 // places in mids; both 0: there is no such bucket
	around   uint32 // the longest one that begins before the bucket and is around all of it; 0: none
}

// newTable6 returns a table of the prefixes behind the first base ones.
func newTable6(t *Table, base uint32) table6 {
	n := uint32(len(t.entries)) - base
	if n == 0 {
		return table6{}
	}
	v := table6{base: base, mids: make([]uint32, n), lows: make([]uint64, n), lengths: make([]uint8, n)}
	var all []bucket6
	for i := range n {
		e := t.entry(base + i + 1)
		v.mids[i], v.lows[i], v.lengths[i] = uint32(e.first.Hi), e.first.Lo, e.bits
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
	v.buckets = make([]bucket6, len(all)+len(all)/2+1)
	for _, b := range all {
		v.buckets[v.place(b.top)] = b
	}
	return v
}

// place returns the place of a bucket, or the free one where it would be.
func (v *table6) place(top uint32) uint32 {
	size := uint64(len(v.buckets))
	at := uint64(top*0x9e3779b1) * size >> 32
	for v.buckets[at].to != 0 && v.buckets[at].top != top {
		if at++; at == size {
			at = 0
		}
	}
	return uint32(at)
}

func (t *Table) find6(a packet.Addr) uint32 {
	v := &t.v6
	if len(v.buckets) == 0 {
		return 0
	}
	b := &v.buckets[v.place(uint32(a.Hi>>32))]
	if b.to == 0 {
		return t.findShort(a)
	}
	first := v.base + b.from
	found := v.base + v.upTo(b, a)
	for found > first && !v.contains(found-v.base-1, a) {
		found = t.parents[found-1]
	}
	if found > first {
		return found
	}
	return b.around
}

// upTo returns how many prefixes begin at an address of a bucket, or before it.
func (v *table6) upTo(b *bucket6, a packet.Addr) uint32 {
	middle := uint32(a.Hi)
	n := b.from + upTo(v.mids[b.from:b.to], middle)
	if n == b.from || v.mids[n-1] != middle || v.lows[n-1] <= a.Lo {
		return n
	}
	for low := b.from; low < n; { // among those with the same first 64 bits
		if mid := (low + n) / 2; v.mids[mid] < middle || v.lows[mid] <= a.Lo {
			low = mid + 1
		} else {
			n = mid
		}
	}
	return n
}

// contains says whether an address is in a prefix, which begins no later and in its bucket.
func (v *table6) contains(i uint32, a packet.Addr) bool {
	free := 128 - uint(v.lengths[i])
	middle := uint64(uint32(a.Hi) ^ v.mids[i])
	return (a.Lo^v.lows[i])>>free|middle>>(max(free, 64)-64) == 0
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

func (v *table6) warm(a packet.Addr) uint32 {
	if len(v.buckets) == 0 {
		return 0
	}
	b := &v.buckets[v.place(uint32(a.Hi>>32))]
	i := max(b.from+upTo(v.mids[b.from:b.to], uint32(a.Hi)), 1) - 1
	return uint32(v.lows[i]) + uint32(v.lengths[i])
}

func (v *table6) bytes() int {
	return 16*cap(v.buckets) + 4*cap(v.mids) + 8*cap(v.lows) + cap(v.lengths) + 4*cap(v.short)
}
