package pairs

import "math"

// Fence is what lies between a feature's outer fences.
type Fence struct {
	Q1, Q3       float64
	Lower, Upper float64 // Q1 - 3 IQR and Q3 + 3 IQR
}

// newFence returns the outer fences of values; an IQR below floor is taken as floor. There must be values.
func newFence(values *ranks, floor float64) Fence {
	f := Fence{Q1: values.quantile(0.25), Q3: values.quantile(0.75)}
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
func (h *history) fence(values *ranks, least int, floor float64, partial bool) (f Fence, ok bool) {
	if len(values.values) >= least {
		f = newFence(values, floor)
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
