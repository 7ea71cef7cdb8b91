package beacon

import (
	"math"
	"slices"
)

// Fit is what a series of contacts looks like when it is taken for a beacon's.
type Fit struct {
	Period  float64 // ms
	Jitter  float64 // standard deviation of a gap over the period
	Missed  float64 // share of contacts that did not come
	Regular float64 // share of gaps that fit a small multiple of the period
	Gain    float64 // log-likelihood over that of contacts at random, nats
	P       float64 // of such a gain where contacts come at random: at most about this
	Gaps    int
}

// The model: a gap is k periods, k-1 of them missed, with a standard deviation that grows with sqrt(k), since a beacon
// sleeps anew after each contact; or it is none of those, in 1 of 20.
const (
	maxMissed = 4    // contacts missed in a row
	oddShare  = 0.05 // gaps that fit nothing, such as the night
	minJitter = 0.01 // what is called exact
	maxRounds = 8    // of the fit, which settles in fewer as a rule
	maxSpread = 4    // third over first quartile; contacts at random have 4.8, a beacon 3 at most
	minShare  = 0.8  // of the gaps fit, or it is no beacon
	maxLost   = 0.4  // share of contacts missed, or anything would fit
)

// starts are the quantiles of the gaps that the fit begins with as periods.
var starts = [...]float64{0.2, 0.4, 0.6}

// fit finds the period that explains gaps best (ms, sorted, positive). ok is false where none does.
func fit(gaps []float64) (best Fit, ok bool) {
	n := len(gaps)
	best = Fit{P: 1, Gaps: n}
	if n < 4 || gaps[3*n/4] > maxSpread*gaps[n/4] {
		return best, false
	}
	mean := 0.0
	for _, g := range gaps {
		mean += g
	}
	mean /= float64(n)
	for _, q := range starts {
		f, found := settle(gaps, gaps[int(q*float64(n-1))])
		if !found || f.Regular < minShare || f.Missed > maxLost {
			continue
		}
		f.Gain, f.Gaps = gain(gaps, f, mean), n
		if !ok || f.Gain > best.Gain {
			best, ok = f, true
		}
	}
	best.P = chance(best.Gain)
	return best, ok
}

// settle moves a period to where it explains the gaps that it can explain.
func settle(gaps []float64, period float64) (f Fit, ok bool) {
	rounds := 0
	for before := 0.0; before != period; {
		before = period
		var sum, beats, fitting float64
		for _, g := range gaps {
			if k := int(g/period + 0.5); k >= 1 && k <= maxMissed+1 {
				sum, beats, fitting = sum+g, beats+float64(k), fitting+1
			}
		}
		if fitting < 3 {
			return Fit{}, false
		}
		if rounds++; rounds < maxRounds {
			period = sum / beats
		}
		f.Regular = fitting / float64(len(gaps))
		f.Missed = 1 - fitting/beats
	}
	var squares, fitting float64
	for _, g := range gaps {
		if k := int(g/period + 0.5); k >= 1 && k <= maxMissed+1 {
			away := g - float64(k)*period
			squares += away * away / float64(k)
			fitting++
		}
	}
	f.Period, f.Jitter = period, math.Sqrt(squares/fitting)/period
	return f, true
}

// gain returns the log-likelihood of the fit less that of an exponential distribution of the same mean.
func gain(gaps []float64, f Fit, mean float64) (sum float64) {
	sigma := max(f.Jitter, minJitter) * f.Period
	missed := min(max(f.Missed, 0.01), 0.5)
	var weight, half [maxMissed + 2]float64 // by k
	w := (1 - oddShare) * (1 - missed) * mean / (sigma * math.Sqrt(2*math.Pi))
	for k := 1; k <= maxMissed+1; k++ {
		weight[k], half[k] = w/math.Sqrt(float64(k)), 1/(2*sigma*sigma*float64(k))
		w *= missed
	}
	for _, g := range gaps {
		ratio := oddShare // of the two densities
		if k := int(g/f.Period + 0.5); k >= 1 && k <= maxMissed+1 {
			away := g - float64(k)*f.Period
			ratio += weight[k] * math.Exp(g/mean-away*away*half[k])
		}
		sum += math.Log(ratio)
	}
	return sum
}

// chance bounds the probability of a gain where contacts come at random. TestChanceBoundsTheGain simulates it.
func chance(gain float64) float64 { return min(1, math.Exp(chanceShift-gain)) }

// chanceShift is what fitting a period, a jitter and a share of missed contacts gains at random, nats.
const chanceShift = 1.5

// gapsBetween turns contact times (ms, in any order) into sorted gaps. Contacts that come within a tenth of the mean gap,
// and half a second, of another are one with it: connections opened together. It sorts times and appends to gaps.
func gapsBetween(times []int64, gaps []float64) []float64 {
	slices.Sort(times)
	if len(times) < 2 {
		return gaps[:0]
	}
	together := min((times[len(times)-1]-times[0])/int64(10*(len(times)-1)), 500)
	gaps = gaps[:0]
	for i, last := 1, 0; i < len(times); i++ {
		if d := times[i] - times[last]; d > together {
			gaps, last = append(gaps, float64(d)), i
		}
	}
	slices.Sort(gaps)
	return gaps
}
