package ensemble

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

const (
	driftSample = 4096 // p-values of an hour that are kept at most; with more every other one is dropped, again and again
	driftLeast  = 200  // p-values below which an hour tells nothing
	driftAgain  = 24   // hours until it is said again
	driftFrom   = 24   // hours from a detector's first score on in which nothing is said: what a day is like is not known yet
)

// drift tells whether what a detector says is what it used to say: p-values of scores among their peers are uniform then.
// Scores with an alert do not count.
type drift struct {
	hour  int64 // since the epoch, that is at hand
	begun bool
	first int64  // hour of the first score
	n     uint64 // scores of it
	every uint64 // so manieth p-value is kept
	ps    []float64
	said  int64 // hour that was alerted last; 0: none
}

// goldenRatio makes fractions of its multiples that fill (0, 1) evenly.
const goldenRatio = 0.6180339887498949

// watch takes the p-value of a score in, and judges the hour before where that is over.
func (d *Detector) watch(s *detect.Score, out detect.Out) {
	w := &d.drifts[s.Detector]
	hour := (s.Time - modulo(s.Time, int64(time.Hour))) / int64(time.Hour)
	if !w.begun || hour > w.hour {
		d.endHour(s, out)
		if !w.begun {
			w.first = hour
		}
		*w = drift{hour: hour, begun: true, first: w.first, every: 1, ps: w.ps[:0], said: w.said}
	}
	if s.Alerted {
		return
	}
	if w.n++; w.n%w.every != 0 {
		return
	}
	if r := d.ring(s); len(r.sorted) >= ownScores {
		_, u := math.Modf(goldenRatio * float64(w.n/w.every))
		w.keep(r.smooth(s.Raw, u))
	}
}

func modulo(n, of int64) int64 { return (n%of + of) % of }

// keep keeps a p-value.
func (w *drift) keep(p float64) {
	w.ps = append(w.ps, p)
	if len(w.ps) < driftSample {
		return
	}
	for i := range len(w.ps) / 2 {
		w.ps[i] = w.ps[2*i]
	}
	w.ps = w.ps[:len(w.ps)/2]
	w.every *= 2
}

// smooth returns the share of the ring that is larger than a score and, by u, a part of what is as large: where many scores
// are the same, too, it is uniform.
func (r *ring) smooth(s, u float64) float64 {
	first, _ := slices.BinarySearch(r.sorted, s)
	after, _ := slices.BinarySearchFunc(r.sorted, s, func(v, s float64) int {
		if v > s {
			return 1
		}
		return -1
	})
	return (float64(len(r.sorted)-after) + u*float64(after-first)) / float64(len(r.sorted))
}

// KolmogorovSmirnov returns the largest distance between the distribution of ascending values and the uniform one on [0, 1].
func KolmogorovSmirnov(sorted []float64) float64 {
	largest, n := 0.0, float64(len(sorted))
	for i, p := range sorted {
		largest = max(largest, float64(i+1)/n-p, p-float64(i)/n)
	}
	return largest
}

// endHour judges a detector's p-values of an hour that is over. No p-value of the distance is given: scores of the same host
// in one hour depend on each other.
func (d *Detector) endHour(s *detect.Score, out detect.Out) {
	w := &d.drifts[s.Detector]
	if w.hour < w.first+driftFrom || len(w.ps) < driftLeast || w.said != 0 && w.hour < w.said+driftAgain {
		return
	}
	slices.Sort(w.ps)
	distance := KolmogorovSmirnov(w.ps)
	if distance < d.cfg.Drift {
		return
	}
	w.said = w.hour
	name, median := d.members[s.Detector], w.ps[len(w.ps)/2]
	out.Alert(detect.Alert{Time: s.Time, Kind: kindDrift, Severity: detect.Informational, Role: detect.Network, Key: name,
		Score: distance, P: math.NaN(), N: w.n, WindowStart: w.hour * int64(time.Hour), WindowEnd: (w.hour + 1) * int64(time.Hour),
		Message: fmt.Sprintf("scores of %s are not what they were: p-values of %d in an hour have their median at %.2f and are up to %.2f from uniform; "+
			"its p-values, and probabilities, tell less until this is usual", name, w.n, median, distance),
		Reasons: []detect.Reason{{Feature: "kolmogorov_smirnov", Value: distance, Threshold: d.cfg.Drift, Baseline: math.NaN()},
			{Feature: "median_p", Value: median, Threshold: math.NaN(), Baseline: 0.5}}})
}

const kindDrift = "drift"
