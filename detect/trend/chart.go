package trend

import "math"

// The numbers of the control chart.
const (
	weight   = 0.1 // of a new value in the mean
	slack    = 0.5 // standard deviations that are no change
	clip     = 6   // standard deviations that one value counts at most
	usual    = 3   // standard deviations within which a value tells what is usual
	alarm    = 8   // of the cumulative sum
	relearnt = 30  // values in a row beyond the alarm after which they are what is usual
)

// chart follows one quantity: an exponentially weighted mean and variance, and a cumulative sum of what is above.
type chart struct {
	mean, variance, sum float32
	seen, above         uint16 // values so far, and the latest of them in a row with the sum beyond the alarm
}

// unknown stands for the mean of an hour of the week that is not known: it is below all.
const unknown = -math.MaxFloat64

// add takes the next value; spread is the standard deviation below which the learned one does not count, hourly what is usual
// at this hour of the week, or unknown. A value that is far off does not change what is usual, unless it stays.
func (c *chart) add(x, spread, hourly float64) {
	if c.seen == 0 || c.above >= relearnt {
		*c = chart{mean: float32(x), variance: float32(spread * spread), seen: max(c.seen, 1)}
		return
	}
	mean, variance := float64(c.mean), float64(c.variance)
	sum := float64(c.sum)
	mean, variance, sum = control(x, mean, variance, sum, spread, hourly)
	c.mean, c.variance, c.sum = float32(mean), float32(variance), float32(sum)
	if c.seen < math.MaxUint16 {
		c.seen++
	}
	if c.above++; sum <= alarm {
		c.above = 0
	}
}

// control is one step of the chart. What is above counts from the larger of the mean and what is usual at this hour.
func control(x, mean, variance, sum, spread, hourly float64) (newMean, newVariance, newSum float64) {
	d, deviation := x-mean, max(math.Sqrt(variance), spread)
	sum = max(0, sum+min((x-max(mean, hourly))/deviation, clip)-slack)
	if math.Abs(d/deviation) < usual {
		mean += weight * d
		variance = (1 - weight) * (variance + weight*d*d)
	}
	return mean, variance, sum
}

// synSum is the cumulative sum of Wang, Zhang and Shin (Detecting SYN Flooding Attacks, INFOCOM 2002): of connections that
// were begun less those that were completed, over the usual number of the latter.
type synSum struct{ completed, sum float32 }

const (
	synSlack  = 0.35 // what is no attack
	synAlarm  = 1.05
	synWeight = 0.9 // of the past in the usual number
	synLeast  = 10  // completed connections in a step, at least, that the excess is measured by
)

// add takes the connections of a step and returns the sum.
func (s *synSum) add(begun, completed float64) float64 {
	x := (begun - completed) / max(float64(s.completed), synLeast)
	s.completed = float32(synWeight*float64(s.completed) + (1-synWeight)*completed)
	s.sum = float32(min(excess(float64(s.sum), x), 100*synAlarm))
	return float64(s.sum)
}

func excess(sum, x float64) float64 { return max(0, sum+x-synSlack) }
