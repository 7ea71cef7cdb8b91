package ensemble

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// The p-values that a combination works with: none is smaller than minP, which no finite sample can show, and for Cauchy
// none is larger than maxP, since a single 1 would outweigh everything else.
const (
	minP = 1e-9
	maxP = 0.99
)

// Cauchy returns one p-value for several of the same null hypothesis, which may depend on each other: T is the mean of
// tan((1/2-p) pi), p = 1/2 - atan(T)/pi (Liu and Xie 2020). NaN where there are none.
func Cauchy(ps []float64) float64 {
	if len(ps) == 0 {
		return math.NaN()
	}
	var t float64
	for _, p := range ps {
		t += 1 / math.Tan(math.Pi*min(max(p, minP), maxP)) // tan((1/2-p) pi), and precise where p is small
	}
	return math.Atan2(1, t/float64(len(ps))) / math.Pi // 1/2 - atan(T)/pi, and precise where T is large
}

// Fisher returns one p-value for several independent ones: -2 sum ln p is chi-squared with 2n degrees of freedom. NaN where
// there are none.
func Fisher(ps []float64) float64 {
	if len(ps) == 0 {
		return math.NaN()
	}
	var x float64
	for _, p := range ps {
		x -= 2 * math.Log(max(p, minP))
	}
	return distuv.ChiSquared{K: 2 * float64(len(ps))}.Survival(x)
}

// Stouffer returns one p-value for several independent ones: the sum of their normal quantiles, divided by the root of how
// many there are, is normal. NaN where there are none.
func Stouffer(ps []float64) float64 {
	if len(ps) == 0 {
		return math.NaN()
	}
	var z float64
	for _, p := range ps {
		z -= distuv.UnitNormal.Quantile(min(max(p, minP), 1-minP))
	}
	return distuv.UnitNormal.Survival(z / math.Sqrt(float64(len(ps))))
}

// NoisyOr returns the probability that at least one of several independent causes is there: 1 - (1-leak) prod (1-p). leak is
// that of a cause that nobody looks for.
func NoisyOr(leak float64, ps []float64) float64 {
	none := 1 - leak
	for _, p := range ps {
		none *= 1 - p
	}
	return 1 - none
}

// Sidak returns the probability that the smallest of m independent p-values is p or less: 1 - (1-p)^m.
func Sidak(p float64, m uint64) float64 {
	if m <= 1 || p >= 1 {
		return p
	}
	return -math.Expm1(float64(m) * math.Log1p(-p))
}
