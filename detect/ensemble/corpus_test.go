package ensemble_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/corpustest"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

// records takes flow records and alerts and forgets them.
type records struct{}

func (records) Flows([]flowtable.Record) error { return nil }
func (records) Alerts([]detect.Alert) error    { return nil }
func (records) Flush() error                   { return nil }
func (records) Close() error                   { return nil }
func (records) Abort() error                   { return nil }

// rank returns the ranking of a capture's hosts by all default detectors, and which of them something is wrong with.
func rank(t *testing.T, path string, cfg detectors.Config, labelFiles ...string) ([]ensemble.RankedHost, *research.Truth) {
	t.Helper()
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	labels, err := research.LoadLabels(t.Context(), labelFiles...)
	if err != nil {
		t.Fatal(err)
	}
	joiner, truth := research.NewJoiner(labels, nil, nil), research.NewTruth(labels, "attack")
	made, err := detectors.New(cfg, features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	_, err = sensor.Run(context.Background(), src, records{}, sensor.Options{Config: sensor.Config{Shards: 2, Batch: 1000},
		Flow: flowtable.DefaultConfig(), Detect: detect.NewEngine(cfg.Config, made, records{}),
		LabelFlows: func(r []flowtable.Record) { joiner.Flows(r); truth.Flows(r) }})
	if err != nil {
		t.Fatal(err)
	}
	return made[len(made)-1].(*ensemble.Detector).Ranking(1000), truth
}

// In the demo the hosts with a score are those with which something is wrong, and the scanners come first.
func TestRankingOfTheDemo(t *testing.T) {
	cfg := detectors.DefaultConfig()
	cfg.Detectors = []string{detectors.Default}
	cfg.Ensemble.Calibration = ""
	rows, truth := rank(t, "../../testdata/demo.pcap.gz", cfg, "../../testdata/demo.labels.tsv")
	if len(rows) < 10 {
		t.Fatalf("only %d hosts", len(rows))
	}
	for _, r := range rows[:5] {
		if wrong, _ := truth.Host(r.Host); !wrong || r.Alerts == 0 {
			t.Errorf("nothing is wrong with rank %d: %s", r.Rank, r.AppendJSON(nil))
		}
	}
}

// cases returns what the default detectors say of the hosts and the flows of a run of the corpus.
func cases(t *testing.T, run string) (all, flows []ensemble.Case, names []string) {
	t.Helper()
	for _, phase := range corpustest.Phases() {
		cfg := detectors.DefaultConfig()
		cfg.Detectors = []string{detectors.Default}
		cfg.Ensemble.Calibration = ""
		made, err := detectors.New(cfg, features.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		truth := corpustest.Replay(t, run, phase, made, nil)
		said := made[len(made)-1].(*ensemble.Detector)
		names = said.FeatureNames()
		for _, h := range truth.Hosts() {
			c, known := said.Case(h), false
			if c.Positive, known = truth.Host(h); known {
				c.Fold = len(all) % 5
				all = append(all, c)
			}
		}
		for _, c := range said.FlowCases() {
			c.Positive, c.Fold = truth.Flow(c.FlowID), int(c.Host.Addr.Lo%5)
			flows = append(flows, c)
		}
	}
	return all, flows, names
}

// found returns how many of the wrong have a score above that which a share of the others exceed.
func found(scores []float64, wrong []bool, share float64) (n int) {
	var others []float64
	for i, s := range scores {
		if !wrong[i] {
			others = append(others, s)
		}
	}
	slices.Sort(others)
	threshold := others[int(math.Ceil(float64(len(others))*(1-share)))-1]
	for i, s := range scores {
		if wrong[i] && s > threshold {
			n++
		}
	}
	return n
}

// What is fitted on one run says what happened in another. docs/ENSEMBLE.md has the figures.
func TestCalibrationHoldsForAnotherRun(t *testing.T) {
	train, trainFlows, names := cases(t, "dev")
	test, testFlows, _ := cases(t, "dev3")
	for _, c := range []struct {
		of          string
		train, test []ensemble.Case
	}{{"hosts", train, test}, {"flows", trainFlows, testFlows}} {
		t.Run(c.of, func(t *testing.T) { holds(t, c.of, c.train, c.test, names) })
	}
}

// holds fits a model and asks it about other cases.
func holds(t *testing.T, of string, train, test []ensemble.Case, names []string) {
	stack, err := ensemble.Train(train)
	if err != nil {
		t.Fatal(err)
	}
	var probabilities []float64
	var wrong []bool
	positives := 0
	for _, c := range test {
		p := stack.Probability(c.Row)
		probabilities, wrong = append(probabilities, p), append(wrong, c.Positive)
		if c.Positive {
			positives++
		}
	}
	t.Logf("all: %d of %d found at 1 %% false", found(probabilities, wrong, .01), positives)
	for i, name := range names {
		column := make([]float64, len(test))
		for k, c := range test {
			column[k] = c.Row[i]
		}
		t.Logf("%-20s weight %.3f, by itself %d found at 1 %% false", name, stack.Weights[i], found(column, wrong, .01))
	}
	t.Logf("fitted on %d wrong and %d other %s: %+v", stack.Positives, stack.Negatives, of, stack.Measured)
	brier, ece := learn.Brier(probabilities, wrong), learn.ECE(probabilities, wrong, learn.ECEBins)
	t.Logf("of %d wrong and %d other %s of the other run: Brier %.4f, log loss %.4f, ECE %.4f", positives, len(test)-positives, of, brier, learn.LogLoss(probabilities, wrong), ece)
	for _, b := range learn.Reliability(probabilities, wrong, learn.ECEBins) {
		t.Logf("%+v", b)
	}
	always := float64(positives) / float64(len(test))
	if brier >= always*(1-always) {
		t.Errorf("Brier score %.4f is no better than that of always saying %.3f", brier, always)
	}
}
