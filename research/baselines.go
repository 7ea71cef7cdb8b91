package research

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/research/covertmark"
)

// baselines measures what the model is compared with, on the same cases. What has to be fitted is fitted to the same
// captures without the servers judged, so it knows the network, which the model need not: that favours the baselines.
func (s *scored) baselines(f Fitting) (methods []Method, strategies []StrategyReport) {
	add := func(name, note string, scores []float64) {
		m := s.method(name, scores)
		m.Note = note
		methods = append(methods, m)
	}
	if s.data.Of != OfWindows {
		flagged := s.each(func(c *Case) float64 {
			p := &c.Flow.Features.Packet[flowtable.Up]
			return indicator(p.Length > 0 && p.Exempt == 0)
		})
		add("published first-packet rules", "USENIX Security 2023: "+s.own(flagged, 1), flagged)
		random := s.each(func(c *Case) float64 {
			p := &c.Flow.Features.Packet
			return indicator(p[flowtable.Up].Random() && p[flowtable.Down].Random())
		})
		add("first packets of both sides", "weir's own: likelihood of random bytes, not fitted here; as a test, both sides pass: "+s.own(random, 1),
			s.each(func(c *Case) float64 {
				p := &c.Flow.Features.Packet
				return p[flowtable.Up].Evidence() + p[flowtable.Down].Evidence()
			}))
	}
	for _, name := range covertmark.Strategies() {
		if report, err := s.strategy(name, f); err == nil {
			strategies = append(strategies, *report)
			methods = append(methods, report.Method)
		}
	}
	if s.data.Of != OfWindows {
		if scores, err := s.decisionTree(f); err == nil {
			add("decision tree, entropy, timing, lengths", "as CCS 2015; fitted here: "+s.own(scores, 0), scores)
		}
	}
	r := rand.New(rand.NewPCG(f.Seed, 2))
	add("random", "", s.each(func(*Case) float64 { return r.Float64() }))
	return methods, strategies
}

// own says what a method's own threshold does.
func (s *scored) own(scores []float64, threshold float64) string {
	c := learn.Confuse(scores, s.positive, threshold)
	return fmt.Sprintf("flags %d of %d, and %d of %d others", c.TP, c.TP+c.FN, c.FP, c.FP+c.TN)
}

func (s *scored) each(score func(*Case) float64) []float64 { return keys(s.data, score) }

// decisionTree returns the scores of single decision trees over entropies, intervals and lengths of flows' packets, each
// fitted to other folds: the kind of features, and of classifier, of Wang et al., CCS 2015.
func (s *scored) decisionTree(f Fitting) ([]float64, error) {
	rows := &learn.Rows{Positive: s.positive, Group: s.servers}
	for _, name := range []string{"entropy", "first_entropy", "first_length", "len_mean", "len_std", "len_min", "len_max",
		"interval_mean", "interval_std", "interval_min", "interval_max"} {
		rows.Columns = append(rows.Columns, name+"_up", name+"_down")
	}
	for i := range s.data.Cases {
		t := s.data.Cases[i].Flow.Features
		for _, of := range []func(d int) float64{
			func(d int) float64 { return t.Entropy[d] },
			func(d int) float64 { return known(t.Packet[d].Length > 0, t.Packet[d].Entropy) },
			func(d int) float64 { return known(t.Packet[d].Length > 0, float64(t.Packet[d].Length)) },
			func(d int) float64 { return t.Length[d].Mean }, func(d int) float64 { return t.Length[d].Std },
			func(d int) float64 { return t.Length[d].Min }, func(d int) float64 { return t.Length[d].Max },
			func(d int) float64 { return t.Interval[d].Mean }, func(d int) float64 { return t.Interval[d].Std },
			func(d int) float64 { return t.Interval[d].Min }, func(d int) float64 { return t.Interval[d].Max },
		} {
			rows.X = append(rows.X, of(flowtable.Up), of(flowtable.Down))
		}
	}
	tree := learn.DefaultTrees()
	tree.Most, tree.Depth, tree.Rate, tree.Validation, tree.MinLeaf = 1, 8, 1, 0, 2
	folds := learn.Folds(s.servers, s.positive, f.Folds, f.Seed)
	scores := make([]float64, rows.Len())
	for fold := range f.Folds {
		train, test := learn.HoldOut(learn.InFold(folds, fold))
		m, err := tree.Fit(rows.Select(train))
		if err != nil {
			return nil, err
		}
		for _, i := range test {
			scores[i] = m.Predict(rows.Row(i))
		}
	}
	return scores, nil
}

// strategy judges the cases by one of CovertMark's strategies, in folds of servers.
func (s *scored) strategy(name string, f Fitting) (*StrategyReport, error) {
	folds := learn.Folds(s.servers, s.positive, f.Folds, f.Seed)
	columns := windowPlaces()
	flows := make([]covertmark.Flow, len(s.positive))
	seen := false
	for i := range flows {
		c := &s.data.Cases[i]
		flows[i] = covertmark.Flow{Packets: c.Packets, Positive: c.Positive, Server: s.servers[i], Fold: folds[i]}
		seen = seen || c.Packets != nil
		if w := c.windows(); w != nil {
			for _, j := range columns {
				flows[i].Window = append(flows[i].Window, w[j])
			}
		}
	}
	if !seen && name != covertmark.SGD {
		return nil, fmt.Errorf("strategy %s: no packets were looked at", name)
	}
	result, err := covertmark.Run(name, flows, f.Folds)
	if err != nil {
		return nil, err
	}
	r := result.Rates
	report := &StrategyReport{Result: *result, TPR: learn.Wilson(r.TP, r.Positives), FPR: learn.Wilson(r.FP, r.Negatives),
		FPRAll: r.FPRAll(), Block: r.BlockRate(), Method: s.method("CovertMark "+name, result.Flows)}
	report.Method.Note = "the share of a flow's packets; fitted here"
	if name == covertmark.SGD {
		report.Method.Note = "window features; fitted here"
	}
	return report, nil
}

// windowPlaces returns the places of covertmark.WindowColumns among a window's features.
func windowPlaces() (places []int) {
	wanted := covertmark.WindowColumns()
	for i, f := range features.Features() {
		if slices.Contains(wanted, f.Name) {
			places = append(places, i)
		}
	}
	return places
}

// StrategyReport is what a strategy does to packets, by CovertMark's measures, and to flows.
type StrategyReport struct {
	covertmark.Result
	TPR    learn.Interval `json:"tpr"`
	FPR    learn.Interval `json:"fpr"`     // of the negative packets that were examined
	FPRAll float64        `json:"fpr_all"` // of all negative packets, as CovertMark has it
	Block  float64        `json:"block_rate"`
	Method Method         `json:"flows"`
}

// Strategy judges a dataset by one of CovertMark's strategies, fitted to the servers that are not judged.
func Strategy(name string, d *Dataset, j Judging) (*StrategyReport, error) {
	f := DefaultFitting()
	f.Folds, f.Seed = j.Folds, j.Seed
	if err := d.checkFit(d.Groups("server")); err != nil {
		return nil, err
	}
	return newScored(d, j).strategy(name, f)
}

func indicator(b bool) float64 { return float64(class(b)) }
