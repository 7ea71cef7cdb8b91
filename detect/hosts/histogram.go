package hosts

import (
	"math"
	"math/bits"
)

// histogram counts values from 0 to its length less 2 in a Fenwick tree (Fenwick, Software: Practice and Experience 24(3),
// 1994): a change and the k-th smallest value cost the logarithm of the length. Larger values count as the largest.
type histogram struct {
	sums []uint32 // from 1
	n    int
}

func newHistogram(largest int) histogram {
	return histogram{sums: make([]uint32, 1<<bits.Len(uint(largest+1))+1)}
}

// add adds delta values v.
func (h *histogram) add(v int, delta int) {
	h.n += delta
	for i := min(v+1, len(h.sums)-1); i < len(h.sums); i += i & -i {
		h.sums[i] += uint32(delta)
	}
}

// upTo returns how many values are v or less.
func (h *histogram) upTo(v int) (n int) {
	for i := min(v+1, len(h.sums)-1); i > 0; i -= i & -i {
		n += int(h.sums[i])
	}
	return n
}

// nth returns the value with index k, from 0, in ascending order.
func (h *histogram) nth(k int) int {
	at := 0
	for step := len(h.sums) - 1; step > 0; step /= 2 {
		if next := at + step; next < len(h.sums) && int(h.sums[next]) <= k {
			at, k = next, k-int(h.sums[next])
		}
	}
	return at
}

// quantile returns the value below which a share of the values lies, interpolated as type 7 of Hyndman and Fan, which is
// what numpy.percentile does; NaN where there are none.
func (h *histogram) quantile(share float64) float64 {
	if h.n == 0 {
		return math.NaN()
	}
	at := float64(h.n-1) * share
	low := int(at)
	a := float64(h.nth(low))
	if at == float64(low) {
		return a
	}
	return a + (at-float64(low))*(float64(h.nth(low+1))-a)
}

// deviation returns the median of the absolute deviations from the median.
func (h *histogram) deviation() float64 {
	if h.n == 0 {
		return math.NaN()
	}
	twice := h.nth((h.n-1)/2) + h.nth(h.n/2) // the median
	return float64(h.nthDeviation(twice, (h.n-1)/2)+h.nthDeviation(twice, h.n/2)) / 4
}

// nthDeviation returns twice the deviation with index k, in ascending order, from half of twice.
func (h *histogram) nthDeviation(twice, k int) int {
	low, high := 0, 2*len(h.sums)
	for low < high {
		d := (low + high) / 2
		n := h.upTo((twice + d) / 2)
		if below := twice - d; below > 0 {
			n -= h.upTo((below+1)/2 - 1)
		}
		if n > k {
			high = d
		} else {
			low = d + 1
		}
	}
	return low
}

func (h *histogram) clear() {
	clear(h.sums)
	h.n = 0
}
