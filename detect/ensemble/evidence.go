package ensemble

import (
	"cmp"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/learn"
)

// maxMembers is how many detectors can speak.
const maxMembers = 20

// evidence is what the detectors said of a host or a flow. It holds no pointers; with its key, that of a host is one line of
// the cache.
type evidence struct {
	first, last int64 // packet times of the first and the latest score or alert
	said        said  // by the detector that spoke first; sayings know of others
}

// belief is how often an alert of a severity is right where nobody counted: what the score is made of where nothing was
// calibrated. They are assumptions.
func belief(severity uint8) float64 { return [...]float64{0.02, 0.2, 0.5, 0.9}[severity] }

// leak is the chance that something is wrong that no detector looks for.
const leak = 1e-4

// Share is a detector's part in what is said of a host.
type Share struct {
	Detector string
	Share    float64 // of all; they add up to 1, or to 0 where nothing spoke
	P        float64 // of the smallest of its p-values, for as many as there were; NaN: it judged nothing
	Judged   uint64  // scores
	Alerts   uint64  // that were written
	Severity detect.Severity
}

// verdict is what the evidence amounts to.
type verdict struct {
	alerts      uint64
	p           float64 // Cauchy combination; NaN: no detector judged
	score       float64 // noisy-OR of beliefs
	probability float64 // NaN: not calibrated
}

// weigh judges evidence; model may be nil. baseRate is where a probability is moved to.
func (d *Detector) weigh(e *evidence, model *Stack, baseRate float64) verdict {
	d.ps, d.worst = d.ps[:0], append(d.worst[:0], d.none...)
	d.sayings.spread(e, &d.by)
	alerts := uint64(0)
	for i := range d.members {
		s := &d.by[i]
		if s.judged > 0 {
			d.ps = append(d.ps, s.p())
		}
		d.worst[d.group[i]] = max(d.worst[d.group[i]], s.belief())
		alerts += uint64(s.alerts)
	}
	v := verdict{alerts: alerts, p: Cauchy(d.ps), score: NoisyOr(leak, d.worst), probability: math.NaN()}
	if model != nil {
		d.row = d.features(&d.by, d.row)
		v.probability = learn.Correct(model.at(d.row), model.Prior, baseRate)
	}
	return v
}

// weighed is weigh of several with the same model and base rate. Most have what one detector said, and that is often the
// same, which known remembers.
func (d *Detector) weighed(e *evidence, model *Stack, baseRate float64, known map[said]verdict) verdict {
	v, ok := known[e.said]
	if !ok {
		v = d.weigh(e, model, baseRate)
		if e.said.next == 0 {
			known[e.said] = v
		}
	}
	return v
}

// shares returns the part of each detector that said something, the largest first, then in the order of the detectors: of
// the logit above what no evidence gives where there is a model, else of the logarithm of the noisy-OR where there were
// alerts, else of those of the p-values.
func (d *Detector) shares(c *candidate, model *Stack) []Share {
	d.sayings.spread(c.e, &d.by)
	if model != nil {
		d.row = d.features(&d.by, d.row)
	}
	var all []Share
	var sum float64
	for i, name := range d.members {
		s := &d.by[i]
		if !s.spoke() {
			continue
		}
		share := Share{Detector: name, P: s.p(), Judged: uint64(s.judged), Alerts: uint64(s.alerts), Severity: detect.Severity(s.severity)}
		switch {
		case model != nil:
			share.Share = model.weights[2*i]*d.row[2*i] + model.weights[2*i+1]*d.row[2*i+1]
		case c.alerts > 0:
			share.Share = -math.Log1p(-s.belief())
		default:
			share.Share = 0 - math.Log(share.P) // no -0
		}
		sum += share.Share
		all = append(all, share)
	}
	for i := range all {
		if sum > 0 {
			all[i].Share /= sum
		}
	}
	slices.SortStableFunc(all, func(a, b Share) int { return cmp.Compare(b.Share, a.Share) })
	return all
}

// features fills row with what a model sees of what each detector said and returns it: of each detector, in their order, the negative
// decadic logarithm of its p-value (0 where it judged nothing, 9 at most) and the belief in its worst alert.
func (d *Detector) features(by *[maxMembers]said, row []float64) []float64 {
	row = row[:0]
	for i := range d.members {
		surprise := 0.0
		if by[i].judged > 0 {
			surprise = -math.Log10(max(by[i].p(), minP))
		}
		row = append(row, surprise, by[i].belief())
	}
	return row
}
