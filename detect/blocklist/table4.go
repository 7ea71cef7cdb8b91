package blocklist

import "github.com/weir-sensor/weir/packet"

// table4 finds prefixes of IPv4, which are the first ones of a Table. The zero value has none.
type table4 struct {
	buckets []bucket4 // by the first 16 bits of where prefixes begin; one more
	keys    []key4    // of the prefixes
}

// bucket4 is prefixes from one on, up to the next bucket.
type bucket4 struct {
	from   uint32 // how many there are before it
	around uint32 // the longest one that begins before the bucket and is around all of it; 0: none
}

// key4 is what follows a prefix's first 16 bits, 16 bits of it, and its length less 1.
type key4 uint32

func newKey4(e *entry) key4 { return key4(e.first.Lo&0xffff<<16) | key4(e.bits-1) }

// contains says whether an address is in the prefix, which begins no later and in its bucket.
func (k key4) contains(a uint32) bool {
	return (a&0xffff^uint32(k>>16))>>(31-k&0x1f) == 0
}

// newTable4 returns a table of the first n prefixes.
func newTable4(t *Table, n uint32) table4 {
	if n == 0 {
		return table4{}
	}
	v := table4{buckets: make([]bucket4, 1<<16+1), keys: make([]key4, n)}
	for i := range v.keys {
		e := t.entry(uint32(i + 1))
		v.keys[i] = newKey4(e)
		v.buckets[e.first.Lo>>16&0xffff+1].from++
	}
	for b := range uint32(1 << 16) {
		v.buckets[b+1].from += v.buckets[b].from
		v.buckets[b].around = t.around(v.buckets[b].from, packet.Addr{Lo: mapped | uint64(b)<<16}, 4)
	}
	return v
}

// mapped is what is before an IPv4 address in packet.Addr.
const mapped = 0xffff << 32

func (t *Table) find4(a uint32) uint32 {
	if len(t.v4.keys) == 0 {
		return 0
	}
	b := t.v4.buckets[a>>16 : a>>16+2]
	found := b[0].from + upTo(t.v4.keys[b[0].from:b[1].from], key4(a<<16|0xffff))
	for found > b[0].from && !t.v4.keys[found-1].contains(a) {
		found = t.parents[found-1]
	}
	if found > b[0].from {
		return found
	}
	return b[0].around // what begins before the bucket and reaches into it is around all of it
}

func (v *table4) warm(a uint32) uint32 {
	if len(v.keys) == 0 {
		return 0
	}
	b := v.buckets[a>>16 : a>>16+2]
	return uint32(v.keys[min((b[0].from+b[1].from)/2, uint32(len(v.keys)-1))])
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

func (v *table4) bytes() int { return 8*cap(v.buckets) + 4*cap(v.keys) }
