package detect

import (
	"math"
	"slices"
)

// Quantile returns the value that a share of values, 0 to 1, lies below, interpolating linearly between two of them: type
// 7 of Hyndman and Fan (Sample Quantiles in Statistical Packages, The American Statistician 50(4), 1996), which is what
// numpy.percentile returns, to the last bit. It brings the values into another order; none of them may be NaN. It is NaN
// where there are none. The time is linear in their number.
func Quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	at := float64(len(values)-1) * share
	low := int(at)
	a := nth(values, low)
	t := at - float64(low)
	if t == 0 {
		return a
	}
	return between(a, slices.Min(values[low+1:]), t)
}

// QuantileOf is Quantile of n values, 1 or more, of which at returns the one that would have an index in ascending order.
func QuantileOf(n int, share float64, at func(k int) float64) float64 {
	place := float64(n-1) * share
	low := int(place)
	t := place - float64(low)
	if t == 0 {
		return at(low)
	}
	return between(at(low), at(low+1), t)
}

// between returns what is a share t of the way from a to b.
func between(a, b, t float64) float64 {
	if t >= 0.5 {
		return b - float64((b-a)*(1-t))
	}
	return a + float64((b-a)*t)
}

// nth returns the value that would have index k in ascending order, and brings the smaller ones before k and the larger
// ones behind it (Hoare's Find, with three parts because ties are the rule here).
func nth(values []float64, k int) float64 {
	from, to := 0, len(values)
	for rounds := 0; to-from > 16 && rounds < 64; rounds++ {
		less, more := partition(values[from:to])
		switch {
		case k < from+less:
			to = from + less
		case k >= from+more:
			from += more
		default:
			return values[k]
		}
	}
	slices.Sort(values[from:to])
	return values[k]
}

// partition puts the values below one of them first, those equal to it next, and returns where the equal ones and the
// larger ones begin.
func partition(v []float64) (less, more int) {
	a, b, c := v[0], v[len(v)/2], v[len(v)-1]
	pivot := max(min(a, b), min(max(a, b), c))
	more = len(v)
	for i := 0; i < more; {
		switch x := v[i]; {
		case x < pivot:
			v[i], v[less] = v[less], x
			less++
			i++
		case x > pivot:
			more--
			v[i], v[more] = v[more], x
		default:
			i++
		}
	}
	return less, more
}
