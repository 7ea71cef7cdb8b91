package learn

import (
	"math"
	"testing"
)

func TestMeasuresAreScikitLearns(t *testing.T) {
	for _, c := range readReference(t).Curves {
		y := make([]bool, len(c.Y))
		for i, v := range c.Y {
			y[i] = v == 1
		}
		roc := NewROC(c.S, y)
		var fpr, tpr, precision, recall []float64
		for i := range roc.TP {
			fpr, tpr = append(fpr, roc.FP[i]/roc.N), append(tpr, roc.TP[i]/roc.P)
			precision, recall = append(precision, roc.TP[i]/(roc.TP[i]+roc.FP[i])), append(recall, roc.TP[i]/roc.P)
		}
		for _, m := range []struct {
			name      string
			got, want []float64
		}{
			{"AUC", []float64{roc.AUC()}, []float64{c.AUC}},
			{"average precision", []float64{roc.AveragePrecision()}, []float64{c.AP}},
			{"average precision at a base rate", []float64{roc.AveragePrecisionAt(c.Base)}, []float64{c.APBase}},
			{"thresholds", roc.Thresholds, c.Thresholds},
			{"FPR", fpr, c.FPR},
			{"TPR", tpr, c.TPR},
			{"precision", precision, c.Precision},
			{"recall", recall, c.Recall},
			{"Brier", []float64{Brier(c.P, y)}, []float64{c.Brier}},
			{"log-loss", []float64{LogLoss(c.P, y)}, []float64{c.LogLoss}},
			{"ECE", []float64{ECE(c.P, y, ECEBins)}, []float64{c.ECE}},
			{"isotonic", stepsAt(c.S, y), c.Isotonic},
		} {
			same(t, m.name, m.got, m.want, 1e-9)
		}
		platt := Platt(c.S, y)
		same(t, "Platt", []float64{platt.A, platt.B}, c.Platt, 1e-4) // found by BFGS
	}
}

func stepsAt(scores []float64, positive []bool) (p []float64) {
	curve := Curve{Steps: Isotonic(scores, positive)}
	for _, s := range scores {
		p = append(p, curve.At(s))
	}
	return p
}

func TestWilsonIsScipys(t *testing.T) {
	for _, w := range readReference(t).Wilson {
		got := Wilson(int(w[0]), int(w[1]))
		same(t, "interval", []float64{got.Value, got.Low, got.High}, []float64{w[0] / w[1], w[2], w[3]}, 1e-9)
	}
	if i := Wilson(0, 0); !math.IsNaN(i.Value) || !math.IsNaN(i.Low) || !math.IsNaN(i.High) {
		t.Errorf("of nothing: %v", i)
	}
}

// The golden of the evaluation's description: y, s and what comes out.
func TestGoldenCurve(t *testing.T) {
	y := []bool{false, false, true, true, false, true, false, false, false, true}
	s := []float64{.1, .4, .35, .8, .4, .9, .2, .05, .7, .4}
	roc := NewROC(s, y)
	same(t, "AUC, AP", []float64{roc.AUC(), roc.AveragePrecision()}, []float64{.791667, .767857}, 1e-6)
	same(t, "precision", []float64{PrecisionAt(.9, .001, .001)}, []float64{.0009 / (.0009 + .000999)}, 1e-12)
	if c := Confuse(s, y, .4); c != (Confusion{TP: 3, FP: 3, TN: 3, FN: 1}) {
		t.Errorf("confusion: %+v", c)
	}
}

func TestTPRAtFPR(t *testing.T) {
	scores, positive := make([]float64, 1100), make([]bool, 1100)
	for i := range scores {
		scores[i], positive[i] = float64(i), i >= 1000 || i >= 980 && i%2 == 1 // 10 negative among the best 120
	}
	roc := NewROC(scores, positive) // 110 positive, 990 negative
	for _, test := range []struct {
		limit      float64
		tp, fp     int
		threshold  float64
		resolvable bool
	}{
		{0, 101, 0, 999, false},
		{4.0 / 990, 105, 4, 991, false},
		{10.0 / 990, 110, 10, 980, true},
		{.02, 110, 19, 971, true},
		{1, 110, 990, 0, true},
	} {
		got := roc.TPRAtFPR(test.limit)
		if got.TP != test.tp || got.FP != test.fp || got.Threshold != test.threshold || got.Resolvable != test.resolvable {
			t.Errorf("at %v: got %+v, want %+v", test.limit, got, test)
		}
	}
	first := NewROC([]float64{3, 2, 1}, []bool{false, true, false}).TPRAtFPR(.1)
	if first.TP != 0 || first.FP != 0 || !(first.Threshold > 3) {
		t.Errorf("where the best is negative: %+v", first)
	}
}

// A naive bootstrap: the rows of the groups drawn, sorted and measured anew.
func TestBootstrapIntervals(t *testing.T) {
	var scores []float64
	var positive []bool
	var groups []int
	for i := range uint64(400) {
		g := i / 10
		y := uniform(1, g) < .4
		positive, groups = append(positive, y), append(groups, int(g)*7)
		scores = append(scores, math.Round(20*(uniform(2, i)+uniform(3, g)+outcome(y)))/20)
	}
	got := Bootstrap(scores, positive, groups, []float64{.1}, 2000, 9)
	var aucs, tprs []float64
	for draw := range uint64(2000) {
		var s []float64
		var y []bool
		for k := range uint64(40) {
			g := int(uniform(4, draw*40+k) * 40)
			s, y = append(s, scores[g*10:g*10+10]...), append(y, positive[g*10:g*10+10]...)
		}
		roc := NewROC(s, y)
		aucs, tprs = append(aucs, roc.AUC()), append(tprs, float64(roc.TPRAtFPR(.1).TP)/roc.P)
	}
	roc := NewROC(scores, positive)
	auc, tpr := percentiles(roc.AUC(), aucs), percentiles(roc.TPRAtFPR(.1).TPR.Value, tprs)
	same(t, "AUC", []float64{got.AUC.Value, got.AUC.Low, got.AUC.High}, []float64{auc.Value, auc.Low, auc.High}, .02)
	same(t, "TPR", []float64{got.TPR[0].Value, got.TPR[0].Low, got.TPR[0].High}, []float64{tpr.Value, tpr.Low, tpr.High}, .03)
	if again := Bootstrap(scores, positive, groups, []float64{.1}, 2000, 9); again.AUC != got.AUC || got.Draws != 2000 {
		t.Errorf("again: %+v, want %+v", again, got)
	}
	rows := Bootstrap(scores, positive, nil, nil, 500, 9)
	if w, v := rows.AUC.High-rows.AUC.Low, got.AUC.High-got.AUC.Low; !(w < v/1.5) {
		t.Errorf("rows that are alike: interval of %v by row and of %v by group", w, v)
	}
}

func TestIntervalsInJSON(t *testing.T) {
	for text, want := range map[string]Interval{"[0.5,0.25,0.75]": {.5, .25, .75}, "[null,null,null]": Wilson(0, 0)} {
		data, err := want.MarshalJSON()
		if err != nil || string(data) != text {
			t.Errorf("got %s, %v, want %s", data, err, text)
		}
		var got Interval
		if err := got.UnmarshalJSON(data); err != nil || got != want && !math.IsNaN(want.Low) || math.IsNaN(got.Low) != math.IsNaN(want.Low) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
}

func TestCorrectedPriorKeepsTheOdds(t *testing.T) {
	same(t, "from 1/2 to 1/1000", []float64{Correct(.5, .5, .001)}, []float64{.001}, 1e-12)
	same(t, "there and back", []float64{Correct(Correct(.37, .2, .003), .003, .2)}, []float64{.37}, 1e-12)
}

// Platt's targets keep the parameters finite where scores separate the classes.
func TestPlattOfSeparableScores(t *testing.T) {
	c := Platt([]float64{1, 2, 3, 4}, []bool{false, false, true, true})
	if p := c.At(4); !(p > .5 && p < .9) {
		t.Errorf("got %v, want below (N+ + 1)/(N+ + 2) or about it", p)
	}
}
