package ensemble

import (
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
)

// ring holds the latest scores of a class of peers where nothing was found: what is usual there.
type ring struct {
	order  []float64 // as they came, from next on the oldest where it is full
	sorted []float64 // the same, ascending
	next   int
	limit  int

	tail  tail
	added int // since tail was fitted

	asked [asked]answer // p-values of scores, since the last one was added; with stale: none
	stale bool
}

// answer is the p-value of a score; the zero value is none.
type answer struct{ score, p float64 }

// asked is how many answers a ring keeps: between two additions, most scores are among a few.
const asked = 256

// tail is a generalized Pareto distribution of what exceeds the 98th percentile. The zero value knows nothing.
type tail struct {
	from         float64 // the percentile
	share        float64 // of the scores above it
	shape, scale float64
}

const (
	tailShare   = 0.02 // of the scores, by which the tail is fitted
	tailScores  = 1000 // fewer than these have no tail
	refitScores = 256  // the tail is fitted anew after so many
)

// add takes a score in, and forgets the oldest where the ring is full.
func (r *ring) add(s float64) {
	r.added, r.stale = r.added+1, true
	if len(r.order) < r.limit {
		r.order = append(r.order, s)
		at, _ := slices.BinarySearch(r.sorted, s)
		r.sorted = slices.Insert(r.sorted, at, s)
		return
	}
	old := r.order[r.next]
	r.order[r.next] = s
	r.next = (r.next + 1) % r.limit
	r.replace(old, s)
}

// replace puts s into the place that old leaves, and moves only what lies between.
func (r *ring) replace(old, s float64) {
	from, _ := slices.BinarySearch(r.sorted, old)
	to, _ := slices.BinarySearch(r.sorted, s)
	if from < to {
		to--
		copy(r.sorted[from:to], r.sorted[from+1:to+1])
	} else {
		copy(r.sorted[to+1:from+1], r.sorted[to:from])
	}
	r.sorted[to] = s
}

// p returns the conformal p-value of a score.
func (r *ring) p(s float64) float64 {
	if r.stale {
		r.asked, r.stale = [asked]answer{}, false
	}
	a := &r.asked[detect.Mix(0, math.Float64bits(s))>>56]
	if a.p == 0 || a.score != s {
		*a = answer{s, r.count(s)}
	}
	return a.p
}

// count counts what p returns: (1 + those in the ring that are as large) / (1 + all of them). Beyond the
// largest of tailScores or more, where that cannot become smaller, it is the fitted tail's, which is at most that.
func (r *ring) count(s float64) float64 {
	n := len(r.sorted)
	below, _ := slices.BinarySearch(r.sorted, s)
	p := float64(1+n-below) / float64(n+1)
	if below == n && n >= tailScores {
		if r.tail.share == 0 || r.added >= refitScores {
			r.tail, r.added = fitTail(r.sorted), 0
		}
		p = min(p, r.tail.p(s))
	}
	return p
}

// fitTail fits the tail of ascending scores by probability-weighted moments (Hosking and Wallis 1987). A bounded tail
// (shape below 0) is taken for an exponential one: the next larger score must not be called impossible.
func fitTail(sorted []float64) tail {
	n := len(sorted)
	from := sorted[n-1-int(tailShare*float64(n))]
	first, _ := slices.BinarySearchFunc(sorted, from, func(v, from float64) int {
		if v > from {
			return 1
		}
		return -1
	})
	above := sorted[first:]
	t := tail{from: from, share: float64(len(above)) / float64(n), scale: math.NaN()}
	var a0, a1 float64
	for i, v := range above {
		x := v - from
		a0 += x
		a1 += x * (float64(len(above)-i) - 0.65) / float64(len(above))
	}
	a0, a1 = a0/float64(len(above)), a1/float64(len(above))
	if d := a0 - 2*a1; d > 0 {
		t.shape, t.scale = 2-a0/d, 2*a0*a1/d
	}
	if !(t.shape > 0 && t.scale > 0) {
		t.shape, t.scale = 0, a0
	}
	return t
}

// p returns the probability of a score as large, minP at least; 1 where there is no tail.
func (t tail) p(s float64) float64 {
	if !(t.scale > 0) {
		return 1
	}
	x := (s - t.from) / t.scale
	survival := math.Exp(-x)
	if t.shape > 0 {
		survival = math.Exp(-math.Log1p(t.shape*x) / t.shape)
	}
	return max(t.share*survival, minP)
}
