package transport

import (
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/learn"
)

// Evidence is how often the flows of a server are hits. The share differs between servers: it is a beta distribution each
// for the servers of transports and for all others. Beside them, a share Odd of the others speaks a protocol that looks
// like a transport: of those as many flows are hits as of a transport's. However many flows there are, they say no more
// than that (Wails et al., NDSS 2024, on evidence by host; the beta-binomial since flows to one server are not independent).
type Evidence struct {
	Proxy  Beta    `json:"proxy"`
	Benign Beta    `json:"benign"`
	Odd    float64 `json:"odd"` // share of servers that are none, 0..1
}

// Beta is a beta distribution of a share.
type Beta struct {
	A float64 `json:"a"`
	B float64 `json:"b"`
}

// logMarginal returns the logarithm of the probability of k hits, in one order, among n.
func (d Beta) logMarginal(k, n float64) float64 { return logBeta(d.A+k, d.B+n-k) - logBeta(d.A, d.B) }

// logBeta returns the logarithm of the beta function.
func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// LogFactor returns how much more probable k hits among n contributions are for a transport's server than for another: the
// logarithm of the Bayes factor.
func (e *Evidence) LogFactor(k, n float64) float64 {
	proxy, benign := e.Proxy.logMarginal(k, n), e.Benign.logMarginal(k, n)
	high := max(proxy, benign)
	return proxy - high - math.Log((1-e.Odd)*math.Exp(benign-high)+e.Odd*math.Exp(proxy-high))
}

// Posterior returns the probability that a server of which k of n contributions are hits is of a transport, where a share
// base of all servers are.
func (e *Evidence) Posterior(k, n, base float64) float64 {
	return 1 / (1 + (1-base)/base*math.Exp(-e.LogFactor(k, n)))
}

func (e *Evidence) check() error {
	for _, v := range []float64{e.Proxy.A, e.Proxy.B, e.Benign.A, e.Benign.B} {
		if !(v > 0 && v < 1e6) {
			return fmt.Errorf("evidence: got %v, want more than 0 and less than 1e6", v)
		}
	}
	if !(e.Odd >= 0 && e.Odd < 1) {
		return fmt.Errorf("evidence.odd: got %v, want 0 or more and less than 1", e.Odd)
	}
	return nil
}

// tally are the hits and flows of a server.
type tally struct{ k, n float64 }

// Tune sets the model's threshold and evidence from scores of rows that its classifier was not fitted to, each of one
// server: the threshold is the least that a share fpr of the rows that are not positive reach at most. Odd is Jeffreys'
// estimate from how many servers that are not positive have half of their rows or more called, of three rows at least. Others
// are scores of more rows that are not positive, of no server: they count for the threshold alone.
func (m *Model) Tune(scores []float64, positive []bool, servers []int, fpr float64, others ...float64) error {
	if len(scores) != len(positive) || len(scores) != len(servers) {
		panic("bug: scores, classes and servers of other rows")
	}
	m.Thresholds = Thresholds{Score: threshold(slices.Concat(scores, others), slices.Concat(positive, make([]bool, len(others))), fpr), FPR: fpr}
	var tallies [2]map[int]tally
	for i := range tallies {
		tallies[i] = map[int]tally{}
	}
	for i, s := range scores {
		of := tallies[int(indicator(positive[i]))]
		t := of[servers[i]]
		t.n++
		t.k += indicator(s >= m.Thresholds.Score)
		of[servers[i]] = t
	}
	if len(tallies[0]) == 0 || len(tallies[1]) == 0 {
		return fmt.Errorf("tune: %d servers of transports and %d others, want some of each", len(tallies[1]), len(tallies[0]))
	}
	odd, many := 0.0, 0.0
	for _, t := range tallies[0] {
		if t.n >= 3 {
			many++
			odd += indicator(2*t.k >= t.n)
		}
	}
	m.Evidence = Evidence{Proxy: fitBeta(tallies[1]), Benign: fitBeta(tallies[0]), Odd: (odd + .5) / (many + 1)}
	return nil
}

// threshold returns the least score above which no more than a share fpr of the negative rows are.
func threshold(scores []float64, positive []bool, fpr float64) float64 {
	var negative, hits []float64
	for i, s := range scores {
		if positive[i] {
			hits = append(hits, s)
		} else {
			negative = append(negative, s)
		}
	}
	if len(negative) == 0 {
		return 0
	}
	slices.Sort(negative)
	slices.Sort(hits)
	bound := negative[len(negative)-1-min(int(fpr*float64(len(negative))), len(negative)-1)]
	at, _ := slices.BinarySearch(hits, math.Nextafter(bound, math.Inf(1)))
	if at == len(hits) {
		return math.Nextafter(bound, math.Inf(1))
	}
	return (bound + hits[at]) / 2 // half way to the next positive
}

// fitBeta returns the beta distribution of the servers' shares of hits by maximum likelihood over a grid of means and sizes.
// One server more with half a hit keeps the mean from 0 and 1.
func fitBeta(servers map[int]tally) Beta {
	var keys []int
	for s := range servers {
		keys = append(keys, s)
	}
	slices.Sort(keys) // sums do not depend on the order of the map
	best, found := math.Inf(-1), Beta{1, 1}
	for odds := -9.0; odds <= 9; odds += .125 {
		for size := -1.0; size <= 5; size += .125 {
			mean := 1 / (1 + math.Exp(-odds))
			b := Beta{math.Exp(size) * mean, math.Exp(size) * (1 - mean)}
			sum := b.logMarginal(.5, 1)
			for _, s := range keys {
				sum += b.logMarginal(servers[s].k, servers[s].n)
			}
			if sum > best {
				best, found = sum, b
			}
		}
	}
	return found
}

// Thresholds are scores of the classifier from which on a flow, or a window, is called.
type Thresholds struct {
	Score float64 `json:"score"` // counts as a hit of its server
	FPR   float64 `json:"fpr"`   // share of rows that are of no transport at or above it, at most, where it was set
}

// heldOut returns scores of rows by classifiers that were fitted without their folds.
func heldOut(rows *learn.Rows, folds []int, fit func(*learn.Rows) (*learn.Model, error)) ([]float64, error) {
	scores := make([]float64, rows.Len())
	for fold := range slices.Max(folds) + 1 {
		var train []int
		for i, f := range folds {
			if f != fold {
				train = append(train, i)
			}
		}
		m, err := fit(rows.Select(train))
		if err != nil {
			return nil, fmt.Errorf("fold %d: %w", fold, err)
		}
		for i, f := range folds {
			if f == fold {
				scores[i] = m.Predict(rows.Row(i))
			}
		}
	}
	return scores, nil
}

// Passing returns the features of a flow's start that say more of a program, a path or how long a flow lasts than of its
// protocol: gaps, and what comes late in a flow. A model that is to be used elsewhere had better not be shown them. The
// caller owns the slice.
func Passing() []string {
	return []string{"answer_after", "second_after", "longest_gap_in_burst", "burst_7", "burst_8", "len_7", "len_8", "len_9", "len_10"}
}

// Blank returns a copy of rows in which nothing is known of some columns.
func Blank(rows *learn.Rows, columns []string) *learn.Rows {
	blank := *rows
	blank.X = slices.Clone(rows.X)
	for i := range blank.X {
		if slices.Contains(columns, rows.Columns[i%len(rows.Columns)]) {
			blank.X[i] = math.NaN()
		}
	}
	return &blank
}

// Fit sets all that a model of the contract's features learns from rows of them, whose Group is their server. fit makes the
// classifier, which is not shown what is Unused.
// Threshold, evidence and calibration rest on scores of folds that the classifier was not fitted to: by server, or as the
// caller divided the rows, such as by run.
func (m *Model) Fit(rows *learn.Rows, folds []int, fpr float64, fit func(*learn.Rows) (*learn.Model, error)) error {
	rows = Blank(rows, m.Unused)
	scores, err := heldOut(rows, folds, fit)
	if err != nil {
		return fmt.Errorf("fit model: %w", err)
	}
	classifier, err := fit(rows)
	if err != nil {
		return fmt.Errorf("fit model: %w", err)
	}
	positive, negative := rows.Count()
	classifier.Calibration = &learn.Calibration{Curve: learn.FitCurve(scores, rows.Positive),
		Share: float64(positive) / float64(positive+negative)}
	m.Classifier = *classifier
	return m.Tune(scores, rows.Positive, rows.Group, fpr)
}
