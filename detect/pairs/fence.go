package pairs

import (
	"math"

	"github.com/weir-sensor/weir/detect"
)

// Fence is what lies between a feature's outer fences.
type Fence struct {
	Q1, Q3       float64
	Lower, Upper float64 // Q1 - 3 IQR and Q3 + 3 IQR
}

// NewFence returns the outer fences of values, which it brings into another order; an IQR below floor is taken as floor.
// There must be values.
func NewFence(values []float64, floor float64) Fence {
	f := Fence{Q1: detect.Quantile(values, 0.25), Q3: detect.Quantile(values, 0.75)}
	f.spread(floor)
	return f
}

// spread sets the fences from the quartiles.
func (f *Fence) spread(floor float64) {
	reach := 3 * max(f.Q3-f.Q1, floor)
	f.Lower, f.Upper = f.Q1-reach, f.Q3+reach
}

// Beyond returns how far above the third quartile x is, in thirds of the distance from there to the upper fence, which are
// IQRs: more than 3 is outside. Without a distance it is 0 or infinite.
func (f Fence) Beyond(x float64) float64 {
	switch {
	case x <= f.Q3:
		return 0
	case f.Upper == f.Q3:
		return math.Inf(1)
	}
	return 3 * (x - f.Q3) / (f.Upper - f.Q3)
}

// memory is the weight of the past in the mean of fences.
const memory = 0.9

// remember returns the exponentially weighted mean of the fences of batches, now being those of the latest.
func (f Fence) remember(now Fence) Fence {
	mean := func(old, new float64) float64 { return memory*old + (1-memory)*new }
	return Fence{mean(f.Q1, now.Q1), mean(f.Q3, now.Q3), mean(f.Lower, now.Lower), mean(f.Upper, now.Upper)}
}

// history is what fences a feature has where the batch at hand has too few values.
type history struct {
	mean  Fence
	known bool
}

// fence returns the fences of values or, where there are fewer than least, those of the past; without a past, those that
// values of 1 would have. ok says that they are of values or the past. Those of values that are partial do not become past.
func (h *history) fence(values []float64, least int, floor float64, partial bool) (f Fence, ok bool) {
	if len(values) >= least {
		f = NewFence(values, floor)
		switch {
		case partial:
		case h.known:
			h.mean = h.mean.remember(f)
		default:
			h.mean, h.known = f, true
		}
		return f, true
	}
	if h.known {
		return h.mean, true
	}
	f = Fence{Q1: 1, Q3: 1}
	f.spread(floor)
	return f, false
}
