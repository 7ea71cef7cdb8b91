package pairs

import (
	"math/bits"

	"github.com/weir-sensor/weir/detect"
)

// ranks finds numbers by their places in ascending order.
type ranks struct {
	values []uint64 // borrowed
	scale  func(uint64) float64
	counts [buckets]uint32 // of values, by bucket
	some   []uint64        // scratch
}

// Buckets of one value for those below 32, of a sixteenth of a power of two for others.
const (
	exact   = 32
	buckets = 61 * 16
)

func bucket(x uint64) int {
	shift := max(bits.Len64(x)-5, 0)
	return shift<<4 + int(x>>shift)
}

// of takes values, which it leaves as they are, and borrows them; scale must not fall.
func (r *ranks) of(values []uint64, scale func(uint64) float64) *ranks {
	r.values, r.scale = values, scale
	clear(r.counts[:])
	for _, x := range values {
		r.counts[bucket(x)]++
	}
	return r
}

// at returns the value that would have index k in ascending order.
func (r *ranks) at(k int) uint64 {
	b := 0
	for ; k >= int(r.counts[b]); b++ {
		k -= int(r.counts[b])
	}
	if b < exact {
		return uint64(b)
	}
	shift := b>>4 - 1
	low := uint64(b-shift<<4) << shift
	r.some = within(r.some[:0], r.values, low, shift)
	for shift > 0 { // 8 further bits at once
		fewer := max(shift-8, 0)
		var counts [256]uint32
		for _, x := range r.some {
			counts[(x-low)>>fewer]++
		}
		part := 0
		for ; k >= int(counts[part]); part++ {
			k -= int(counts[part])
		}
		low, shift = low+uint64(part)<<fewer, fewer
		r.some = within(r.some[:0], r.some, low, shift)
	}
	return low
}

// within appends the values from low to low + 2^shift - 1 to some, which may be their own beginning.
func within(some, values []uint64, low uint64, shift int) []uint64 {
	for _, x := range values {
		if (x-low)>>shift == 0 {
			some = append(some, x)
		}
	}
	return some
}

// quantile returns detect.Quantile of the scaled values.
func (r *ranks) quantile(share float64) float64 {
	return detect.QuantileOf(len(r.values), share, func(k int) float64 { return r.scale(r.at(k)) })
}
