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
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/corpustest"
	"github.com/weir-sensor/weir/research"
)

// judged is a host's step of 10 s, by its end.
type judged struct {
	host detect.Host
	end  int64
}

// recorder is a detect.ScoreWatcher that keeps the scores of hosts at the ends of steps.
type recorder struct {
	names  []string
	scores map[string]map[judged]float64 // by detector
}

func (*recorder) Info() detect.Info      { return detect.Info{Name: "recorder"} }
func (*recorder) Annotate(*detect.Alert) {}
func (r *recorder) Scores(scores []detect.Score, _ detect.Out) {
	for _, s := range scores {
		name := r.names[s.Detector]
		if r.scores[name] == nil {
			r.scores[name] = map[judged]float64{}
		}
		key := judged{s.Subject, (s.Time + int64(sequence.Every) - 1) / int64(sequence.Every) * int64(sequence.Every)}
		r.scores[name][key] = max(r.scores[name][key], s.Raw)
	}
}

// ewma scores each host's steps by the root mean square of their distances from the host's own moving means, in moving
// deviations: what can be said without a network.
func ewma(s *sequence.Sequence, scores map[judged]float64) {
	mean := s.Steps[0]
	var square sequence.Vector
	for i := range square {
		square[i] = 1
	}
	for at := 1; at < len(s.Steps); at++ {
		sum := 0.0
		for i, v := range s.Steps[at] {
			d := v - mean[i]
			sum += min(d*d/max(square[i], .25), 400)
			mean[i] += .1 * d
			square[i] = .9 * (square[i] + .1*d*d)
		}
		scores[judged{s.Host, s.Ends[at]}] = math.Sqrt(sum / float64(len(mean)))
	}
}

// outcome is how well scores tell the steps in which something was wrong.
type outcome struct {
	wrong, good   int
	auc, at1, at5 float64 // area under the ROC curve; share of the wrong found at 1 % and 5 % false ones
}

func rate(scores map[judged]float64, wrong map[judged]bool, over map[judged]float64) (o outcome) {
	var bad, good []float64
	for key := range over {
		if s := scores[key]; wrong[key] {
			bad = append(bad, s)
		} else {
			good = append(good, s)
		}
	}
	slices.Sort(good)
	o.wrong, o.good = len(bad), len(good)
	at := func(share float64) (found float64) {
		threshold := good[int(math.Ceil(float64(len(good))*(1-share)))-1]
		for _, s := range bad {
			if s > threshold {
				found++
			}
		}
		return found / float64(len(bad))
	}
	for _, s := range bad {
		below, _ := slices.BinarySearch(good, s)
		upto, _ := slices.BinarySearchFunc(good, s, func(a, b float64) int { return cmp.Or(cmp.Compare(a, b), -1) })
		o.auc += float64(below+upto) / 2
	}
	o.auc /= float64(len(bad)) * float64(len(good))
	o.at1, o.at5 = at(.01), at(.05)
	return o
}

func (o outcome) String() string {
	return fmt.Sprintf("%d steps wrong, %d not: AUC %.3f, found at 1 %% false %.3f, at 5 %% %.3f", o.wrong, o.good, o.auc, o.at1, o.at5)
}

// The network beside what is simpler, on the run that it was not trained on. docs/DETECTORS.md has the figures.
func TestBesideSimplerOnes(t *testing.T) {
	cfg := detectors.DefaultConfig()
	scores, wrong, moving := map[string]map[judged]float64{}, map[judged]bool{}, map[judged]float64{}
	for _, phase := range corpustest.Phases() {
		cfg.Detectors = nil
		for _, name := range []string{"trend", "sequence"} {
			if slices.Contains(detectors.Names(), name) {
				cfg.Detectors = append(cfg.Detectors, name)
			}
		}
		made, err := detectors.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := sequence.NewCollector(100_000)
		r := &recorder{names: append(slices.Clone(cfg.Detectors), "collector"), scores: scores}
		corpustest.Replay(t, "dev3", phase, append(made, c, r), func(truth *research.Truth, records []flowtable.Record) {
			for i := range records {
				if r := &records[i]; truth.Flow(r.ID) && r.Written <= flowtable.MaxClock {
					end := r.Written - r.Written%int64(sequence.Every) + int64(sequence.Every)
					wrong[judged{detect.Host{Addr: r.Client, Version: r.Version}, end}] = true
				}
			}
		})
		for _, s := range c.Sequences() {
			ewma(s, moving)
		}
	}
	over := scores["sequence"]
	network := rate(over, wrong, over)
	t.Logf("sequence: %v", network)
	t.Logf("moving means: %v", rate(moving, wrong, over))
	if len(scores["trend"]) > 0 {
		t.Logf("trend: %v", rate(scores["trend"], wrong, over))
	}
	if network.auc < .6 {
		t.Errorf("sequence: AUC %.3f, want some use", network.auc)
	}
}
