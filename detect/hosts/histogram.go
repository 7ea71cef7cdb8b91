package hosts

import (
	"math"
	"slices"
)

// histogram counts values from 0 to its length less 1. Larger values count as the largest. A change costs an addition, a
// question after it the largest value.
type histogram struct {
	counts []uint32
	sums   []uint32 // of the counts up to each; where they are not stale
	stale  bool
	n      int
	top    int // no larger value was counted: what is beyond is not looked at
}

func newHistogram(largest int) histogram {
	return histogram{counts: make([]uint32, largest+1), sums: make([]uint32, largest+1)}
}

// add adds delta values v.
func (h *histogram) add(v int, delta int) {
	h.n += delta
	v = min(v, len(h.counts)-1)
	h.top = max(h.top, v)
	h.counts[v] += uint32(delta)
	h.stale = true
}

// upTo returns how many values are v or less.
func (h *histogram) upTo(v int) int {
	if v < 0 {
		return 0
	}
	h.sum()
	return int(h.sums[min(v, h.top)])
}

// nth returns the value with index k, from 0, in ascending order.
func (h *histogram) nth(k int) int {
	h.sum()
	at, _ := slices.BinarySearch(h.sums[:h.top+1], uint32(k+1))
	return at
}

// sum brings the sums up to date.
func (h *histogram) sum() {
	if !h.stale {
		return
	}
	h.stale = false
	sum := uint32(0)
	for i, n := range h.counts[:h.top+1] {
		sum += n
		h.sums[i] = sum
	}
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
	clear(h.counts[:h.top+1])
	h.n, h.stale, h.top = 0, true, 0
}
