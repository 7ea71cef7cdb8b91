package covertmark

import (
	"math"
	"strings"
	"testing"
)

// made returns flows of positive servers 0 to 4 and negative ones 5 to 9, a packet each, with those payloads.
func made(positive, negative string, lengths [2]int) (flows []Flow) {
	tester := NewTester()
	for i := range 100 {
		f := Flow{Positive: i < 50, Server: i / 10, Fold: i / 10 % 5}
		kind, n := negative, lengths[1]
		if f.Positive {
			kind, n = positive, lengths[0]
		}
		f.Packets = []Packet{tester.Test(body(kind, n), n), tester.Test(body(kind, n-1), n-1)}
		f.Window = make([]float64, len(WindowColumns()))
		f.Window[0] = float64(i/50) + float64(i%7)/100
		flows = append(flows, f)
	}
	return flows
}

func TestStrategies(t *testing.T) {
	for _, test := range []struct {
		strategy           string
		positive, negative string
		lengths            [2]int
	}{
		{EntropyDistribution, "random", "english", [2]int{1200, 1200}},
		{EntropyEstimation, "random", "base64", [2]int{700, 700}},
		{LengthClustering, "random", "random", [2]int{543, 900}},
		{SGD, "random", "english", [2]int{600, 600}},
	} {
		r, err := Run(test.strategy, made(test.positive, test.negative, test.lengths), 5)
		if err != nil {
			t.Fatal(err)
		}
		if r.Rates.TPR() != 1 || r.Rates.FPR() != 0 || r.Rates.Blocked != 0 || r.Rates.Servers != 5 || len(r.Settings) != 5 {
			t.Errorf("%s: %+v by %q", test.strategy, r.Rates, r.Settings)
		}
		if want := 100 * (1 - r.Score.Strategy); r.Score.Score != want || !r.Score.Eligible {
			t.Errorf("%s: score %v, want %v", test.strategy, r.Score, want)
		}
		for i, s := range r.Flows {
			if (s > .5) != (i < 50) && test.strategy != SGD || test.strategy == SGD && (s > 0) != (i < 50) {
				t.Errorf("%s: flow %d has score %v", test.strategy, i, s)
			}
		}
	}
}

// Where both classes look the same, a strategy says so: it was not measured on what it was fitted to.
func TestNothingToTell(t *testing.T) {
	for _, strategy := range Strategies()[:3] {
		r, err := Run(strategy, made("random", "random", [2]int{800, 800}), 5)
		if err != nil {
			t.Fatal(err)
		}
		if r.Rates.TPR() != r.Rates.FPR() || r.Score.Eligible || r.Score.Score != 0 {
			t.Errorf("%s: %+v, %v", strategy, r.Rates, r.Score)
		}
	}
}

// CovertMark's score, worked out by hand from its formula with natural logarithms.
func TestScore(t *testing.T) {
	for _, test := range []struct {
		r    Rates
		best float64
		want float64
	}{
		{Rates{Positives: 100, TP: 100, Negatives: 1000, Servers: 10}, 1, 100},
		// missed .1 ln(11), alarms .4 ln(1+100*.0075), blocked .25 ln(11), of ln(101)
		{Rates{Positives: 100, TP: 80, Negatives: 1000, FP: 10, Servers: 10, Blocked: 1}, .9,
			100 * (1 - (.1*math.Log(11)+.4*math.Log(1.75)+.25*math.Log(11))/math.Log(101))},
		{Rates{Positives: 100, TP: 33, Negatives: 1000, Servers: 10}, 1, 0},
		{Rates{Positives: 100, TP: 90, Negatives: 1000, FP: 51, Servers: 10}, 1, 0},
	} {
		if got := NewScore(test.r, test.best, 0).Score; !near(got, test.want, 1e-12) {
			t.Errorf("%+v: got %v, want %v", test.r, got, test.want)
		}
	}
	if r := (Rates{Negatives: 10, FP: 1, Others: 90}); r.FPR() != .1 || r.FPRAll() != .01 {
		t.Errorf("FPR %v of the examined, %v of all", r.FPR(), r.FPRAll())
	}
}

func TestRunUsage(t *testing.T) {
	flows := made("random", "english", [2]int{600, 600})
	if _, err := Run("guess", flows, 5); err == nil || !strings.Contains(err.Error(), "want one of entropy-distribution") {
		t.Errorf("got %v", err)
	}
	for i := range flows {
		flows[i].Packets, flows[i].Window = nil, nil
	}
	for _, s := range []string{EntropyEstimation, LengthClustering, SGD} {
		if _, err := Run(s, flows, 5); err == nil {
			t.Errorf("%s: fitted to nothing", s)
		}
	}
}
