package ensemble

import (
	"cmp"
	"errors"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/learn"
)

// Case is what the detectors said of a host or, with FlowID, a flow, to fit a Stack with.
type Case struct {
	Host     detect.Host
	FlowID   uint64
	Row      []float64 // the features of FeatureNames
	Positive bool      // something is wrong
	Fold     int       // cases of one fold are never on both sides of a fit
}

// FeatureNames returns the names of the features of the detectors at hand.
func (d *Detector) FeatureNames() []string { return FeatureNames(d.members) }

// Case returns what is known of a host, of which Host and Row are set. The caller owns it.
func (d *Detector) Case(h detect.Host) Case {
	e := d.named.Get(h.Key(), d.hash(h))
	if e == nil {
		e = d.hosts.Get(h.Key(), d.hash(h))
	}
	if e == nil {
		e = &evidence{}
	}
	return Case{Host: h, Row: d.rowOf(e)}
}

// rowOf returns the features of evidence. The caller owns them.
func (d *Detector) rowOf(e *evidence) []float64 {
	d.sayings.spread(e, &d.by)
	return d.features(&d.by, nil)
}

// FlowCases returns what is known of the flows that a detector scored or an alert names, by id, of which Host, FlowID and
// Row are set. The caller owns it.
func (d *Detector) FlowCases() []Case {
	var all []Case
	for id, f := range d.allFlows() {
		all = append(all, Case{Host: f.host, FlowID: id, Row: d.rowOf(&f.evidence)})
	}
	slices.SortFunc(all, func(a, b Case) int { return cmp.Compare(a.FlowID, b.FlowID) })
	return all
}

// ridge is the L2 penalty of the weights: that of a normal prior with a deviation of 1.
const ridge = 1

// Train fits a model to cases. The curve is fitted on logits of cases whose fold the weights did not see, and the
// measures are those of a curve that did not see them either.
func Train(cases []Case) (*Stack, error) {
	s := &Stack{}
	for _, c := range cases {
		if c.Positive {
			s.Positives++
		} else {
			s.Negatives++
		}
	}
	if s.Positives < 2 || s.Negatives < 2 {
		return nil, errors.New("want two positive and two negative cases at least")
	}
	s.Addresses = addresses(cases)
	s.Prior = float64(s.Positives) / float64(len(cases))
	s.Weights, s.Intercept = fitStack(cases, func(Case) bool { return true })
	logits, positive := heldOut(cases), make([]bool, len(cases))
	for i, c := range cases {
		positive[i] = c.Positive
	}
	s.Curve, s.Quiet = learn.FitCurve(logits, positive), quiet(cases, logits, func(Case) bool { return true })
	s.Measured = measure(cases, logits, positive)
	return s, nil
}

// addresses returns how many hosts the flows among cases are of.
func addresses(cases []Case) int {
	of := map[detect.Host]bool{}
	for _, c := range cases {
		if c.FlowID != 0 {
			of[c.Host] = true
		}
	}
	return len(of)
}

// quiet returns the most that the wanted cases without an alert bear out: the largest share of positives, one more that is
// none added, among those whose logit is as large as some value. Surprises grow with the number of hosts and with whatever
// is new on a network, and hardly any case without an alert shows what becomes of them: the weights, made of those with
// alerts, would call the most surprising host of each large network a certain case.
func quiet(cases []Case, logits []float64, wanted func(Case) bool) (most float64) {
	var order []int
	for i, c := range cases {
		if wanted(c) && !alerted(c.Row) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	positives := 0
	for n, i := range order {
		if cases[i].Positive {
			positives++
		}
		if n+1 == len(order) || logits[order[n+1]] != logits[i] {
			most = max(most, float64(positives)/float64(n+2))
		}
	}
	return most
}

// folds returns the folds of cases, ascending.
func folds(cases []Case) []int {
	var all []int
	for _, c := range cases {
		all = append(all, c.Fold)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// heldOut returns each case's logit by weights that did not see its fold.
func heldOut(cases []Case) []float64 {
	logits := make([]float64, len(cases))
	for _, fold := range folds(cases) {
		w, b := fitStack(cases, func(c Case) bool { return c.Fold != fold })
		for i, c := range cases {
			if c.Fold == fold {
				logits[i] = b
				for k, x := range c.Row {
					logits[i] += w[k] * x
				}
			}
		}
	}
	return logits
}

// measure judges probabilities of curves that did not see the fold.
func measure(cases []Case, logits []float64, positive []bool) Measured {
	probabilities := make([]float64, len(cases))
	for _, fold := range folds(cases) {
		var scores []float64
		var y []bool
		for i, c := range cases {
			if c.Fold != fold {
				scores, y = append(scores, logits[i]), append(y, positive[i])
			}
		}
		curve, most := learn.FitCurve(scores, y), quiet(cases, logits, func(c Case) bool { return c.Fold != fold })
		for i, c := range cases {
			if c.Fold != fold {
				continue
			}
			probabilities[i] = curve.At(logits[i])
			if !alerted(c.Row) {
				probabilities[i] = min(probabilities[i], most)
			}
		}
	}
	return Measured{learn.Brier(probabilities, positive), learn.LogLoss(probabilities, positive),
		learn.ECE(probabilities, positive, learn.ECEBins), learn.Reliability(probabilities, positive, learn.ECEBins)}
}

// minWeight is the smallest weight that is worth to make probabilities depend on a detector.
const minWeight = 0.01

// fitStack fits weights to the cases that are wanted. Evidence never speaks for a host: what would weigh below minWeight is
// left out, the least first, until nothing does.
func fitStack(cases []Case, wanted func(Case) bool) (weights []float64, intercept float64) {
	weights = make([]float64, len(cases[0].Row))
	used := make([]int, len(weights))
	for i := range used {
		used[i] = i
	}
	for {
		var rows, targets []float64
		for _, c := range cases {
			if !wanted(c) {
				continue
			}
			for _, at := range used {
				rows = append(rows, c.Row[at])
			}
			target := 0.0
			if c.Positive {
				target = 1
			}
			targets = append(targets, target)
		}
		w, b := learn.Regress(rows, len(used), targets, nil, ridge)
		worst := -1
		for i, v := range w {
			if v < minWeight && (worst < 0 || v < w[worst]) {
				worst = i
			}
		}
		if worst < 0 {
			for i, at := range used {
				weights[at] = w[i]
			}
			return weights, b
		}
		used = slices.Delete(used, worst, worst+1)
	}
}
