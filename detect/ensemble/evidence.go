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

// evidence is what the detectors said of a host or a flow. It holds no pointers.
type evidence struct {
	first, last int64 // packet times of the first and the latest score or alert
	alerts      uint64
	by          [maxMembers]said
}

// said is what one detector said.
type said struct {
	least    float32 // smallest p-value; with judged
	alerted  float32 // p-value of the latest score with an alert; 0: none
	judged   uint32  // scores
	alerts   uint32  // that were written
	severity uint8   // of the worst of them
}

// judge adds a score's p-value.
func (s *said) judge(p float64, alerted bool) {
	if s.judged == 0 || float32(p) < s.least {
		s.least = float32(p)
	}
	if s.judged < math.MaxUint32 {
		s.judged++
	}
	if alerted {
		s.alerted = float32(p)
	}
}

// p returns the p-value of all that the detector said; NaN where it judged nothing.
func (s *said) p() float64 {
	if s.judged == 0 {
		return math.NaN()
	}
	return Sidak(float64(s.least), uint64(s.judged))
}

// belief is how often an alert of a severity is right where nobody counted: what the score is made of where nothing was
// calibrated. They are assumptions.
func belief(severity uint8) float64 { return [...]float64{0.02, 0.2, 0.5, 0.9}[severity] }

// belief returns that of the detector's worst alert, 0 where there is none.
func (s *said) belief() float64 {
	if s.alerts == 0 {
		return 0
	}
	return belief(s.severity)
}

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
	p           float64 // Cauchy combination; NaN: no detector judged
	score       float64 // noisy-OR of beliefs
	probability float64 // NaN: not calibrated
}

// weigh judges evidence; model may be nil. baseRate is where a probability is moved to.
func (d *Detector) weigh(e *evidence, model *Stack, baseRate float64) verdict {
	d.ps, d.worst = d.ps[:0], append(d.worst[:0], d.none...)
	for i := range d.members {
		s := &e.by[i]
		if s.judged > 0 {
			d.ps = append(d.ps, s.p())
		}
		d.worst[d.group[i]] = max(d.worst[d.group[i]], s.belief())
	}
	v := verdict{p: Cauchy(d.ps), score: NoisyOr(leak, d.worst), probability: math.NaN()}
	if model != nil {
		d.row = d.features(e, d.row)
		v.probability = learn.Correct(model.at(d.row), model.Prior, baseRate)
	}
	return v
}

// shares returns the part of each detector that said something, the largest first, then in the order of the detectors: of
// the logit above what no evidence gives where there is a model, else of the logarithm of the noisy-OR where there were
// alerts, else of those of the p-values.
func (d *Detector) shares(e *evidence, model *Stack) []Share {
	if model != nil {
		d.row = d.features(e, d.row)
	}
	all := make([]Share, 0, e.speakers())
	var sum float64
	for i, name := range d.members {
		s := &e.by[i]
		if !s.spoke() {
			continue
		}
		share := Share{Detector: name, P: s.p(), Judged: uint64(s.judged), Alerts: uint64(s.alerts), Severity: detect.Severity(s.severity)}
		switch {
		case model != nil:
			share.Share = model.weights[2*i]*d.row[2*i] + model.weights[2*i+1]*d.row[2*i+1]
		case e.alerts > 0:
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

// spoke says whether the detector said anything.
func (s *said) spoke() bool { return s.judged > 0 || s.alerts > 0 }

// speakers returns how many detectors said something.
func (e *evidence) speakers() (n int) {
	for i := range e.by {
		if e.by[i].spoke() {
			n++
		}
	}
	return n
}

// features fills row with what a model sees of evidence and returns it: of each detector, in their order, the negative
// decadic logarithm of its p-value (0 where it judged nothing, 9 at most) and the belief in its worst alert.
func (d *Detector) features(e *evidence, row []float64) []float64 {
	row = row[:0]
	for i := range d.members {
		surprise := 0.0
		if e.by[i].judged > 0 {
			surprise = -math.Log10(max(e.by[i].p(), minP))
		}
		row = append(row, surprise, e.by[i].belief())
	}
	return row
}
