package blocklist

import (
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// table4 finds prefixes of IPv4, which are the first ones of a Table. The zero value has none.
type table4 struct {
	buckets []bucket4 // by the first bits of an address; one more
	keys    []key4    // of the prefixes
	shift   uint8     // an address without its first bits has so many: 16 at most
}

// bucket4 is prefixes from one on, up to the next bucket.
type bucket4 struct {
	full   uint64 // a bit for each 64th of the bucket's addresses: a prefix is around some of them
	from   uint32 // how many prefixes there are before it
	around uint32 // the longest one that begins before the bucket and is around all of it; 0: none
}

// key4 is the last 16 bits of a prefix's first address, whether another one is around it, and its length less 1.
type key4 uint32

const nested4 = 1 << 8

func newKey4(e *entry, nested bool) key4 {
	k := key4(e.first.Lo&0xffff<<16) | key4(e.bits-1)
	if nested {
		k |= nested4
	}
	return k
}

// contains says whether an address is in the prefix, which begins no later and in its bucket.
func (k key4) contains(a uint32) bool { return (a&0xffff^uint32(k>>16))>>(31-k&0x1f) == 0 }

// newTable4 returns a table of the first n prefixes.
func newTable4(t *Table, n uint32) table4 {
	if n == 0 {
		return table4{}
	}
	first := min(max(bits.Len32(n)-2, 16), 20) // so that a bucket has few
	v := table4{keys: make([]key4, n), buckets: make([]bucket4, 1<<first+1), shift: uint8(32 - first)}
	for i := range v.keys {
		e := t.entry(uint32(i + 1))
		v.keys[i] = newKey4(e, t.parents[i] != 0)
		v.buckets[uint32(e.first.Lo)>>v.shift+1].from++
		v.fill(uint32(e.first.Lo), uint32(e.last().Lo))
	}
	for b := range uint32(1 << first) {
		v.buckets[b+1].from += v.buckets[b].from
		v.buckets[b].around = t.around(v.buckets[b].from, packet.Addr{Lo: mapped | uint64(b)<<v.shift}, 4)
	}
	return v
}

// mapped is what is before an IPv4 address in packet.Addr.
const mapped = 0xffff << 32

// fill notes that a prefix is around the addresses from first to last.
func (v *table4) fill(first, last uint32) {
	part := v.shift - 6
	for p := first >> part; p <= last>>part; p++ {
		v.buckets[p>>6].full |= 1 << (p & 63)
	}
}

func (t *Table) find4(a uint32) uint32 {
	v := &t.v4
	if len(v.keys) == 0 {
		return 0
	}
	at := a >> v.shift
	b := v.buckets[at : at+2]
	if b[0].full>>(a>>(v.shift-6)&63)&1 == 0 {
		return 0
	}
	found := b[0].from + upTo(v.keys[b[0].from:b[1].from], key4(a<<16|0xffff))
	for found > b[0].from {
		k := v.keys[found-1]
		if k.contains(a) {
			return found
		}
		if k&nested4 == 0 {
			return 0
		}
		found = t.parents[found-1]
	}
	return b[0].around // what begins before the bucket and reaches into it is around all of it
}

// upTo returns how many of ascending values are v or less. The steps do not depend on the values, so that the processor
// need not guess in which half to go on.
func upTo[T ~uint32](values []T, v T) uint32 {
	at := 0
	for n := len(values); n > 0; {
		half := (n + 1) / 2
		next := at + half
		if values[next-1] > v {
			next = at
		}
		at = next
		n -= half
	}
	return uint32(at)
}

func (v *table4) bytes() int { return 16*cap(v.buckets) + 4*cap(v.keys) }
