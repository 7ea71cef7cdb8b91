package sequence_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/detect/sequence"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/internal/corpustest"
)

// worst is each host's largest score.
type worst map[detect.Host]float64

// recorder is a detect.ScoreWatcher that keeps what each detector says of hosts.
type recorder struct {
	names []string
	by    map[string]worst
}

func (*recorder) Info() detect.Info      { return detect.Info{Name: "recorder"} }
func (*recorder) Annotate(*detect.Alert) {}
func (r *recorder) Scores(scores []detect.Score, _ detect.Out) {
	for _, s := range scores {
		by := r.by[r.names[s.Detector]]
		by[s.Subject] = max(by[s.Subject], s.Raw)
	}
}

// movingMeans scores a host's steps by the root mean square of their distances from the host's own moving means, in moving
// deviations: what can be said without a network. It returns the largest.
func movingMeans(s *sequence.Sequence) (largest float64) {
	mean := s.Steps[0]
	var square sequence.Vector
	for i := range square {
		square[i] = 1
	}
	for at, step := range s.Steps {
		sum := 0.0
		for i, v := range step {
			d := v - mean[i]
			sum += min(d*d/max(square[i], .25), 400)
			mean[i] += .1 * d
			square[i] = .9 * (square[i] + .1*d*d)
		}
		if at >= sequence.DefaultConfig().MinSteps {
			largest = max(largest, math.Sqrt(sum/float64(len(mean))))
		}
	}
	return largest
}

// rate says how well the scores of bad hosts stand out among those of good ones.
func rate(bad, good []float64) (text string, auc float64) {
	slices.Sort(good)
	for _, s := range bad {
		below, _ := slices.BinarySearch(good, s)
		upto, _ := slices.BinarySearchFunc(good, s, func(a, b float64) int { return cmp.Or(cmp.Compare(a, b), -1) })
		auc += float64(below+upto) / 2
	}
	auc /= float64(len(bad)) * float64(len(good))
	text = fmt.Sprintf("%d hosts with which something is wrong, %d others: AUC %.3f", len(bad), len(good), auc)
	for _, share := range []float64{.01, .05} {
		threshold, found := good[int(math.Ceil(float64(len(good))*(1-share)))-1], 0
		for _, s := range bad {
			if s > threshold {
				found++
			}
		}
		text += fmt.Sprintf(", %d found at %g %% false", found, 100*share)
	}
	return text, auc
}

// The network beside what is simpler, on the run that it was not trained on. docs/ENSEMBLE.md has the figures.
func TestBesideSimplerOnes(t *testing.T) {
	beside := []string{"sequence", "moving means"}
	cfg := detectors.DefaultConfig()
	for _, name := range []string{"trend", "sequence"} { // in their order
		if slices.Contains(detectors.Names(), name) {
			cfg.Detectors = append(cfg.Detectors, name)
		}
	}
	bad, good := map[string][]float64{}, map[string][]float64{}
	for _, phase := range corpustest.Phases() {
		made, err := detectors.New(cfg, features.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{names: cfg.Detectors, by: map[string]worst{"trend": {}, "sequence": {}, "moving means": {}}}
		c := sequence.NewCollector(100_000)
		truth := corpustest.Replay(t, "dev3", phase, append(made, c, r), nil)
		for _, s := range c.Sequences() {
			r.by["moving means"][s.Host] = movingMeans(s)
			wrong, known := truth.Host(s.Host)
			for name, scores := range r.by {
				switch {
				case known && wrong:
					bad[name] = append(bad[name], scores[s.Host])
				case known:
					good[name] = append(good[name], scores[s.Host])
				}
			}
		}
	}
	if slices.Contains(cfg.Detectors, "trend") {
		beside = append(beside, "trend")
	}
	for _, name := range beside {
		text, auc := rate(bad[name], good[name])
		t.Logf("%s: %s", name, text)
		if name == "sequence" && auc < .6 {
			t.Errorf("AUC %.3f, want some use", auc)
		}
	}
}
