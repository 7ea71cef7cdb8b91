package beacon

import (
	"math"
	"slices"
)

// RITA is RITA v5's beacon score of a pair and its four parts, each 0 to 1.
type RITA struct{ Score, Timestamps, Sizes, Histogram, Duration float64 }

// The numbers of RITA v5.
const (
	ritaBins        = 24 // of the data set's span
	ritaBimodalBars = 11 // non-empty bins from which two heights may explain them all
	ritaDuration    = 6  // non-empty bins from which the duration says something
	ritaRun         = 12 // non-empty bins in a row that are as good as can be
)

// ritaScore returns RITA's score of the contacts: their times in s since the epoch and bytes sent, in any order, and the
// first and last time of the data set. ok is false with fewer than four different times. Both slices are sorted.
func ritaScore(times []int64, bytes []float64, first, last int64) (r RITA, ok bool) {
	slices.Sort(times)
	var deltas []float64
	for i := 1; i < len(times); i++ {
		if d := times[i] - times[i-1]; d > 0 {
			deltas = append(deltas, float64(d))
		}
	}
	if len(deltas) < 3 {
		return RITA{}, false
	}
	r.Timestamps = ritaStatistics(deltas, 1)
	r.Sizes = ritaStatistics(bytes, 0)
	bins := ritaHistogram(times, first, last)
	r.Histogram = max(ritaFlat(bins), ritaBimodal(bins))
	r.Duration = ritaLasting(bins, times[0], times[len(times)-1], first, last)
	r.Score = round3((r.Timestamps + r.Sizes + r.Histogram + r.Duration) / 4)
	return r, true
}

// The modifiers of RITA v5 that flow records tell: of how many of the hosts contact the service, and of how long it is
// known. The others (a missing Host header, threat lists, rare signatures) look at what is inside the packets, or at lists.
const (
	ritaModifier = 0.15
	ritaRare     = 0.02 // share of the hosts
	ritaCommon   = 0.5
	ritaNew      = 7 // days
	ritaOld      = 30
	ritaMedium   = 0.4 // threat from which it is a medium one
)

// ritaThreat is RITA's threat score of a beacon: the beacon score laid out so that 0.5 is 0.2, 0.7 is 0.4, 0.9 is 0.6 and 1
// is 0.8, more where few of the hosts are the service's clients and less where many are, more where the service is new and
// less where it is old. known is since how many days the service is known, watched how many days there were so far. Two
// things are unlike RITA: fewer than 50 hosts say nothing of what is rare, nor the first week of what is new.
func ritaThreat(score, clients, hosts, known, watched float64) float64 {
	t := ritaBucket(score)
	switch {
	case hosts*ritaRare < 1:
	case clients <= ritaRare*hosts:
		t += ritaModifier
	case clients >= ritaCommon*hosts:
		t -= ritaModifier
	}
	switch {
	case known >= ritaOld:
		t -= ritaModifier
	case known <= ritaNew && watched > ritaNew:
		t += ritaModifier
	}
	return max(0, min(1, t))
}

// ritaBucket lays a beacon score out: linear between the borders, 0 below the first.
func ritaBucket(score float64) float64 {
	borders := [...]float64{0.5, 0.7, 0.9, 1}
	if score < borders[0] {
		return 0
	}
	for i := 1; i < len(borders); i++ {
		if score < borders[i] {
			return 0.2 * (float64(i) + (score-borders[i-1])/(borders[i]-borders[i-1]))
		}
	}
	return 0.8
}

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }
func ceil3(x float64) float64  { return math.Ceil(x*1000) / 1000 }

// ritaStatistics is the mean of two scores, of symmetry (Bowley's skewness) and of spread (the median absolute deviation).
// preset is the latter's value where the median is below 1. It sorts values.
func ritaStatistics(values []float64, preset float64) float64 {
	if len(values) < 3 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	q1, q2, q3 := median(values[:n/2]), median(values), median(values[(n+1)/2:])
	skew := 0.0
	if q3-q1 >= 10 && q2 != q1 && q2 != q3 {
		skew = (q1 + q3 - 2*q2) / (q3 - q1)
	}
	spread := preset
	if q2 >= 1 {
		away := make([]float64, n)
		for i, v := range values {
			away[i] = math.Abs(v - q2)
		}
		slices.Sort(away)
		spread = max(0, (q2-median(away))/q2)
	}
	return round3((1 - math.Abs(skew) + spread) / 2)
}

// median returns the median of sorted values, which are not empty.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ritaHistogram counts the contacts in equal parts of the data set's span.
func ritaHistogram(times []int64, first, last int64) (bins [ritaBins]int) {
	width := float64(last-first) / ritaBins
	for _, t := range times {
		i := 0
		if width > 0 {
			i = int(float64(t-first) / width)
		}
		bins[max(0, min(i, ritaBins-1))]++
	}
	return bins
}

// ritaFlat is 1 less the coefficient of variation of the bins.
func ritaFlat(bins [ritaBins]int) float64 {
	var sum, squares float64
	for _, n := range bins {
		sum += float64(n)
	}
	mean := sum / ritaBins
	for _, n := range bins {
		squares += (float64(n) - mean) * (float64(n) - mean)
	}
	return round3(max(0, 1-math.Sqrt(squares/ritaBins)/mean))
}

// ritaBimodal is the share of the non-empty bins that have one of the two most common heights; one bin may be odd.
func ritaBimodal(bins [ritaBins]int) float64 {
	width := (slices.Max(bins[:]) + 19) / 20 // 5 % of the highest, rounded up
	var heights []int
	for _, n := range bins {
		if n > 0 {
			heights = append(heights, n/width)
		}
	}
	if len(heights) < ritaBimodalBars {
		return 0
	}
	slices.Sort(heights)
	most, second := 0, 0
	for start, i := 0, 1; i <= len(heights); i++ {
		if i < len(heights) && heights[i] == heights[start] {
			continue
		}
		switch n := i - start; {
		case n > most:
			most, second = n, most
		case n > second:
			second = n
		}
		start = i
	}
	return min(1, float64(most+second)/float64(max(len(heights)-1, 1)))
}

// ritaLasting is the larger of the share of the data set's span that the contacts cover, and of the longest run of
// non-empty bins over 12, the last bin being followed by the first.
func ritaLasting(bins [ritaBins]int, begin, end, first, last int64) float64 {
	full, run, longest := 0, 0, 0
	for i := range 2 * ritaBins {
		if bins[i%ritaBins] == 0 {
			run = 0
			continue
		}
		if i < ritaBins {
			full++
		}
		run++
		longest = max(longest, min(run, ritaBins))
	}
	if full < ritaDuration {
		return 0
	}
	covered := 0.0
	if last > first {
		covered = min(1, ceil3(float64(end-begin)/float64(last-first)))
	}
	return max(covered, min(1, ceil3(float64(longest)/ritaRun)))
}
