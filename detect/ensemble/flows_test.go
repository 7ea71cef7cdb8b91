package ensemble

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/learn"
)

// flowModel is what was said of a flow, kept in plain lists.
type flowModel struct {
	ps       [2][]float64 // p-values by detector
	severity [2][]detect.Severity
}

var beliefs = map[detect.Severity]float64{detect.Informational: 0.02, detect.Low: 0.2, detect.Medium: 0.5, detect.High: 0.9}

// verdict says what docs/ENSEMBLE.md says, step by step: p of each detector for as many as there were, their Cauchy
// combination, the noisy-OR of the worst alerts, and the logistic model moved to a base rate.
func (m *flowModel) verdict(s *Stack, base float64) (p, score, probability float64) {
	var tangents, judged float64
	score, logit := 1-1e-4, s.Intercept
	for i := range m.ps {
		surprise, belief := 0.0, 0.0
		if n := len(m.ps[i]); n > 0 {
			one := 1 - math.Pow(1-float64(float32(slices.Min(m.ps[i]))), float64(n))
			tangents += math.Tan((0.5 - min(one, 0.99)) * math.Pi)
			judged++
			surprise = -math.Log10(one)
		}
		for _, severity := range m.severity[i] {
			belief = max(belief, beliefs[severity])
		}
		score *= 1 - belief
		logit += s.Weights[2*i]*surprise + s.Weights[2*i+1]*belief
	}
	p = math.NaN()
	if judged > 0 {
		p = 0.5 - math.Atan(tangents/judged)/math.Pi
	}
	fitted := 1 / (1 + math.Exp(-(s.Curve.A*logit + s.Curve.B)))
	fitted = min(max(fitted, 1/(2*float64(s.Addresses))), 1-1/(2*float64(s.Addresses)))
	odds := fitted / (1 - fitted) * base / (1 - base) * (1 - s.Prior) / s.Prior
	return p, 1 - score, odds / (1 + odds)
}

// handMade is a calibration of flows whose numbers nobody fitted.
func handMade(t *testing.T) (path string, s *Stack) {
	t.Helper()
	s = &Stack{Weights: []float64{.7, 3, .2, 4}, Intercept: -2, Curve: learn.Curve{A: 1.5, B: .3}, Prior: .4,
		Positives: 400, Negatives: 600, Addresses: 50}
	path = filepath.Join(t.TempDir(), "flows.json")
	if err := os.WriteFile(path, (&Calibration{Features: FeatureNames([]string{"a", "b"}), Flow: s}).Seal(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, s
}

// What is said of 60 flows, by scores and by alerts that are about one or name some as evidence, amounts to what a plain
// model makes of it.
func TestFlowsAgainstPlainModel(t *testing.T) {
	path, stack := handMade(t)
	d := make2(t, path, .01)
	models := map[uint64]*flowModel{}
	at := func(id uint64) *flowModel {
		if models[id] == nil {
			models[id] = &flowModel{}
		}
		return models[id]
	}
	for i := range uint64(500) {
		x := detect.Mix(7, i) >> 16
		id, member := 1+x%60, int(x>>8%2)
		switch x >> 12 % 3 {
		case 0: // alerted, so that the detector's own p-value is the one
			p := max(float64(x>>20%1000)/1000, 1e-4)
			d.Scores([]detect.Score{{Detector: member, Time: second, Subject: address(int(id)), Role: detect.Client, FlowID: id, P: p, Alerted: true}}, nil)
			at(id).ps[member] = append(at(id).ps[member], p)
		case 1: // about one flow, which is its evidence, too
			a := detect.Alert{Time: second, Detector: d.members[member], Severity: detect.Severity(x >> 24 % 4), Subject: address(int(id)), FlowID: id, P: .5, Probability: math.NaN()}
			a.Evidence.Add(id)
			d.Annotate(&a)
			at(id).severity[member] = append(at(id).severity[member], a.Severity)
			if _, _, want := at(id).verdict(stack, d.cfg.FlowBaseRate); math.Abs(a.Probability-want) > 1e-9 {
				t.Fatalf("alert about flow %d: got probability %v, want %v", id, a.Probability, want)
			}
		default: // about a host, by three flows, of which one is named twice
			a := detect.Alert{Time: second, Detector: d.members[member], Severity: detect.Severity(x >> 24 % 3), Subject: address(int(id)), P: .5, Probability: math.NaN()}
			for _, k := range []uint64{id, id%60 + 1, (id+7)%60 + 1, id} {
				a.Evidence.Add(k)
			}
			d.Annotate(&a)
			for _, k := range []uint64{id, id%60 + 1, (id+7)%60 + 1} {
				at(k).severity[member] = append(at(k).severity[member], a.Severity)
			}
		}
	}
	rows := d.RankedFlows(100)
	if len(rows) != len(models) {
		t.Fatalf("got %d flows, want %d", len(rows), len(models))
	}
	for i, row := range rows {
		m := models[row.FlowID]
		p, score, probability := m.verdict(stack, d.cfg.FlowBaseRate)
		near(t, "probability", row.Probability, probability, 1e-9)
		near(t, "score", row.Score, score, 1e-9)
		if !(math.IsNaN(p) && math.IsNaN(row.P)) {
			near(t, "p", row.P, p, 1e-6)
		}
		if want := len(m.severity[0]) + len(m.severity[1]); int(row.Alerts) != want {
			t.Errorf("flow %d: got %d alerts, want %d", row.FlowID, row.Alerts, want)
		}
		if row.Rank != i+1 || i > 0 && row.Probability > rows[i-1].Probability {
			t.Errorf("rank %d: got %v after %v", row.Rank, row.Probability, rows[max(i-1, 0)].Probability)
		}
		if sum := shareSum(row.Shares); math.Abs(sum-1) > 1e-9 && sum != 0 {
			t.Errorf("flow %d: shares add up to %v", row.FlowID, sum)
		}
	}
}

func shareSum(shares []Share) (sum float64) {
	for _, s := range shares {
		sum += s.Share
	}
	return sum
}

// What is known of flows has a bound, those that alerts name stay while a flood of scores goes by, and nothing is allocated.
func TestAFloodOfScoresDoesNotDriveOutFlowsOfAlerts(t *testing.T) {
	d := make2(t, "", .001)
	a := detect.Alert{Time: second, Detector: "a", Severity: detect.Low, Subject: address(1)}
	a.Evidence.Add(77)
	d.Annotate(&a)
	scores := make([]detect.Score, 1000)
	id := uint64(0)
	flood := func() {
		for i := range scores {
			id++
			scores[i] = detect.Score{Detector: 1, Time: 2 * second, Subject: address(1), FlowID: 1000 + id, P: math.NaN(), Raw: 1}
		}
		d.Scores(scores, nil)
	}
	for range 200 {
		flood()
	}
	if n := testing.AllocsPerRun(10, flood); n != 0 {
		t.Errorf("%v allocations", n)
	}
	rows := d.RankedFlows(10_000)
	if len(rows) != 501 || rows[0].FlowID != 77 || rows[0].Host != address(1) || !math.IsNaN(rows[0].Probability) {
		t.Errorf("got %d rows, first %+v; want 501 and flow 77 first", len(rows), rows[0].FlowID)
	}
	if got := d.RankedFlows(3); len(got) != 3 {
		t.Errorf("got %d of 3 rows", len(got))
	}
}

// A flow's probability is no surer than so few addresses allow.
func TestFlowsOfAnAddressCountOnce(t *testing.T) {
	var all []Case
	for i := range 1000 {
		c := Case{Host: address(i % 20), FlowID: uint64(i + 1), Row: []float64{0, 0, 0, 0}, Positive: i%20 < 8, Fold: i % 5}
		if c.Positive {
			c.Row[1] = .5
		}
		all = append(all, c)
	}
	s, err := Train(all)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the surest", s.Probability([]float64{0, 9, 0, 0}), 1-1./40, 1e-12)
	near(t, "the least", s.Probability([]float64{0, 0, 0, 0}), 1./40, 1e-12)
}
