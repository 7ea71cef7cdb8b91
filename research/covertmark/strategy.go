package covertmark

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/learn"
)

// The names of the strategies.
const (
	EntropyDistribution = "entropy-distribution"
	EntropyEstimation   = "entropy-estimation"
	LengthClustering    = "length-clustering"
	SGD                 = "sgd"
)

// Strategies returns the names of all strategies. The caller owns the slice.
func Strategies() []string {
	return []string{EntropyDistribution, EntropyEstimation, LengthClustering, SGD}
}

// Flow is what a strategy sees of a flow.
type Flow struct {
	Packets  []Packet  // the first with payload
	Window   []float64 // values of WindowColumns; nil: the flow has none
	Positive bool
	Server   int // number of the server's address
	Fold     int // flows of one fold are judged by what was fitted to the others
}

// Result is what a strategy does to flows, each judged by what was fitted to those of other folds.
type Result struct {
	Strategy string    `json:"strategy"`
	Settings []string  `json:"settings"` // that were chosen, by fold
	Rates    Rates     `json:"rates"`
	Score    Score     `json:"score"`
	Flows    []float64 `json:"-"` // score of each flow: the share of its packets that are called positive; of SGD, the distance from the border
}

// setting is a strategy with one choice of its parameters, fitted to flows.
type setting struct {
	name    string
	penalty float64                                 // of the strategy, 0 to 1
	packet  func(p *Packet) (called, examined bool) // nil for SGD
	flow    func(f *Flow) float64                   // of SGD: more than 0 is called positive; NaN: not examined
}

// Run judges flows of folds 0 to folds-1 with a strategy. The error says what it cannot be fitted to.
func Run(strategy string, flows []Flow, folds int) (*Result, error) {
	r := &Result{Strategy: strategy, Flows: make([]float64, len(flows))}
	best := 0.0
	var penalty float64
	for fold := range folds {
		var train []*Flow
		for i := range flows {
			if flows[i].Fold != fold {
				train = append(train, &flows[i])
			}
		}
		settings, err := fit(strategy, train)
		if err != nil {
			return nil, fmt.Errorf("strategy %s: %w", strategy, err)
		}
		chosen, most := choose(settings, train)
		r.Settings = append(r.Settings, chosen.name)
		best, penalty = max(best, most), max(penalty, chosen.penalty)
		r.judge(&chosen, flows, fold)
	}
	r.Score = NewScore(r.Rates, best, penalty)
	return r, nil
}

// judge adds what a setting does to the flows of a fold.
func (r *Result) judge(s *setting, flows []Flow, fold int) {
	var of []*Flow
	for i := range flows {
		if f := &flows[i]; f.Fold == fold {
			of = append(of, f)
			r.Flows[i] = s.score(f)
		}
	}
	r.Rates.add(s.rates(of))
}

// score returns a flow's score.
func (s *setting) score(f *Flow) float64 {
	if s.flow != nil {
		if score := s.flow(f); score == score {
			return score
		}
		return math.Inf(-1)
	}
	called := 0
	for i := range f.Packets {
		if yes, examined := s.packet(&f.Packets[i]); yes && examined {
			called++
		}
	}
	return share(called, len(f.Packets))
}

// rates returns what the setting does to flows.
func (s *setting) rates(flows []*Flow) (r Rates) {
	servers := map[int]bool{} // of negative flows: whether it is blocked
	for _, f := range flows {
		called, examined := 0, 0
		n := len(f.Packets)
		if s.flow != nil {
			n = 1
			if score := s.flow(f); score == score {
				examined = 1
				if score > 0 {
					called = 1
				}
			}
		}
		for i := range f.Packets {
			if s.packet == nil {
				break
			}
			if yes, looked := s.packet(&f.Packets[i]); looked {
				examined++
				if yes {
					called++
				}
			}
		}
		if f.Positive {
			r.Positives += examined
			r.TP += called
			continue
		}
		r.Negatives += examined
		r.FP += called
		r.Others += n - examined
		servers[f.Server] = servers[f.Server] || called > 0
	}
	r.Servers = len(servers)
	for _, blocked := range servers {
		if blocked {
			r.Blocked++
		}
	}
	return r
}

// choose returns the setting with the highest CovertMark score on flows, of equals and where none has one that with the
// largest difference of TPR and FPR, and the largest TPR of all.
func choose(settings []setting, flows []*Flow) (chosen setting, bestTPR float64) {
	rates := make([]Rates, len(settings))
	for i := range settings {
		rates[i] = settings[i].rates(flows)
		bestTPR = max(bestTPR, rates[i].TPR())
	}
	best, bestScore, bestGap := 0, math.Inf(-1), math.Inf(-1)
	for i, r := range rates {
		score, gap := NewScore(r, bestTPR, settings[i].penalty).Score, r.TPR()-r.FPR()
		if score > bestScore || score == bestScore && gap > bestGap {
			best, bestScore, bestGap = i, score, gap
		}
	}
	return settings[best], bestTPR
}

// fit returns the settings of a strategy.
func fit(strategy string, flows []*Flow) ([]setting, error) {
	switch strategy {
	case EntropyDistribution:
		return fitDistribution(flows), nil
	case EntropyEstimation:
		return fitEstimation(flows)
	case LengthClustering:
		return fitClusters(flows)
	case SGD:
		return fitSGD(flows)
	}
	return nil, fmt.Errorf("unknown; want one of %s", strings.Join(Strategies(), ", "))
}

// wantsKnown says whether the strategy looks at TLS and HTTP packets rather than at others: where a tenth or more of the
// positive packets are such.
func wantsKnown(flows []*Flow) bool {
	known, all := 0, 0
	for _, f := range flows {
		if !f.Positive {
			continue
		}
		for i := range f.Packets {
			all++
			if f.Packets[i].Known {
				known++
			}
		}
	}
	return all > 0 && 10*known >= all
}

// fitDistribution returns the votes of the three tests: criteria, sizes of blocks, least sizes of packets.
func fitDistribution(flows []*Flow) (all []setting) {
	known := wantsKnown(flows)
	for i, block := range blocks {
		for _, least := range []int{128, 256, 512, 1024} {
			if least/block < leastBlocks {
				continue
			}
			for criterion, name := range []string{1: "any", 2: "most", 3: "all"} {
				if name == "" {
					continue
				}
				all = append(all, setting{
					name: fmt.Sprintf("%s of three tests, blocks of %d, payloads of %d or more", name, block, least), penalty: .1 * float64(criterion-1),
					packet: func(p *Packet) (called, examined bool) {
						examined = p.Known == known && int(p.Length) >= least && p.Votes[i] != insufficient
						return examined && int(p.Votes[i]) >= criterion, examined
					}})
			}
		}
	}
	return all
}

// fitEstimation returns cut-offs of the share of distinct bytes, at quantiles of the positive packets.
func fitEstimation(flows []*Flow) (all []setting, err error) {
	known := wantsKnown(flows)
	for i, window := range windows {
		var shares []float64
		for _, f := range flows {
			for k := range f.Packets {
				if p := &f.Packets[k]; f.Positive && p.Known == known && p.Distinct[i] > 0 {
					shares = append(shares, float64(p.Distinct[i]))
				}
			}
		}
		if len(shares) == 0 {
			return nil, fmt.Errorf("no positive packet has a payload of %d bytes or more", LeastBytes)
		}
		slices.Sort(shares)
		for _, percent := range []float64{.1, .5, 1, 5} {
			cut := quantile(shares, percent/100)
			all = append(all, setting{
				name: fmt.Sprintf("windows of %d, cut-off %.4f (%g %%)", window, cut, percent),
				packet: func(p *Packet) (called, examined bool) {
					examined = p.Known == known && p.Distinct[i] > 0
					return examined && float64(p.Distinct[i]) >= cut, examined
				}})
		}
	}
	return all, nil
}

// quantile returns a quantile of ascending values, interpolated linearly.
func quantile(ascending []float64, q float64) float64 {
	h := q * float64(len(ascending)-1)
	i := int(h)
	return ascending[i] + (h-float64(i))*(ascending[min(i+1, len(ascending)-1)]-ascending[i])
}

// fitClusters returns the most frequent clusters of the positive packets' lengths.
func fitClusters(flows []*Flow) (all []setting, err error) {
	lengths := &features.Lengths{}
	for _, f := range flows {
		for i := range f.Packets {
			if f.Positive {
				lengths.Add(uint32(f.Packets[i].Length))
			}
		}
	}
	for _, bandwidth := range []float64{1, 2, 3, 5, 10} {
		clusters := lengths.Clusters(bandwidth)
		if len(clusters) == 0 {
			return nil, fmt.Errorf("no positive packet has a payload of %d bytes or less", features.MaxClusterLength)
		}
		for top := 1; top <= min(2, len(clusters)); top++ {
			in := map[uint16]bool{}
			var centres []string
			for _, c := range clusters[:top] {
				centres = append(centres, fmt.Sprintf("%.1f", c.Centre))
				for _, l := range c.Lengths {
					in[uint16(l.Length)] = true
				}
			}
			all = append(all, setting{
				name:    fmt.Sprintf("bandwidth %g, clusters at %s", bandwidth, strings.Join(centres, ", ")),
				penalty: .025 * float64(max(0, len(in)-top)),
				packet: func(p *Packet) (called, examined bool) {
					return in[p.Length], p.Length <= features.MaxClusterLength
				}})
		}
	}
	return all, nil
}

// WindowColumns returns the window features of CovertMark's classifier: entropies, PSH, bins of intervals and of lengths.
// The caller owns the slice.
func WindowColumns() []string {
	var names []string
	for _, f := range features.Features() {
		if slices.Contains([]string{"entropy", "psh", "interval_bins", "tcp_len_bins"}, f.Group) {
			names = append(names, f.Name)
		}
	}
	return names
}

// fitSGD returns the linear classifier of windows.
func fitSGD(flows []*Flow) ([]setting, error) {
	rows := &learn.Rows{Columns: WindowColumns()}
	for _, f := range flows {
		if f.Window != nil {
			rows.X, rows.Positive = append(rows.X, f.Window...), append(rows.Positive, f.Positive)
		}
	}
	model, err := learn.DefaultSGD().Fit(rows)
	if err != nil {
		return nil, err
	}
	return []setting{{name: "window features, border at 0", flow: func(f *Flow) float64 {
		if f.Window == nil {
			return math.NaN()
		}
		return model.Predict(f.Window)
	}}}, nil
}
