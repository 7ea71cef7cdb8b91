package clusters

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

const (
	// everything is longer than any input, and a whole number of seconds.
	everything = 100 * 365 * 24 * time.Hour

	starts     = 10 // of k-means, of which the best is taken
	minMembers = 5  // of a centre that counts as one
	maxScores  = 4096

	methodPCA = "pca"
)

// Detector holds the flows that are to be clustered, or aggregates of them. Make it with New.
type Detector struct {
	cfg         Config
	flows       *sample.Sample
	stream      *stream // nil: clusters are looked for
	first, last int64   // times of the first and last flow, ns
	begun       bool    // there was a flow
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg, flows: sample.New(cfg.Rows, cfg.Columns, cfg.MaxFlows)}
	if cfg.Method == methodPCA {
		d.stream = newStream(d.flows.Dims())
	}
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration {
	if d.cfg.Batch == 0 {
		return []time.Duration{everything}
	}
	return []time.Duration{d.cfg.Batch}
}

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount { return d.flows.Counts() }

// Needs implements detect.Needer.
func (d *Detector) Needs() []detect.Need { return sample.Needs(d.cfg.Rows, d.cfg.Columns) }

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		if !d.begun {
			d.first, d.begun = flows[i].Time, true
		}
		d.last = flows[i].Time
		d.flows.Add(&flows[i])
	}
}

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	d.flows.End()
	if len(d.flows.Flows) >= d.cfg.MinFlows || d.stream != nil {
		d.judge(b, out)
	}
	d.begun = false
	d.flows.Reset(uint64(b.End))
}

// outlier is a flow that is far from every centre.
type outlier struct {
	flow  int
	score float64
}

func (d *Detector) judge(b detect.Batch, out detect.Out) {
	scores, near := d.scores(b)
	var outliers []outlier
	for i, score := range scores {
		if score > d.cfg.Far {
			outliers = append(outliers, outlier{i, score})
		}
	}
	slices.SortFunc(outliers, func(x, y outlier) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(d.flows.Flows[x.flow].ID, d.flows.Flows[y.flow].ID), cmp.Compare(x.flow, y.flow))
	})
	for i, o := range outliers[:min(len(outliers), maxScores)] {
		f := &d.flows.Flows[o.flow]
		out.Score(detect.Score{Time: b.End, Subject: f.Client, Role: detect.Client, FlowID: f.ID, Raw: o.score, P: math.NaN(),
			N: uint64(len(d.flows.Flows)), Status: d.flows.Status(), Alerted: i < d.cfg.MaxAlerts})
		if i < d.cfg.MaxAlerts {
			out.Alert(d.alert(b, o, near, len(outliers)))
		}
	}
}

// scores returns how far each flow is from what flows are like, and words for that.
func (d *Detector) scores(b detect.Batch) (scores []float64, near string) {
	_, rows := d.flows.Words()
	if d.stream != nil {
		points := slices.Clone(d.flows.Rows)
		d.flows.Logs(points)
		return d.stream.judge(points, &d.cfg, b.End), fmt.Sprintf("the plane of %d directions as 99 of 100 %s were", d.cfg.Components, rows)
	}
	points, dims := d.points()
	c := d.cluster(points, dims)
	return far(points, dims, c), fmt.Sprintf("the nearest of %d clusters as %s there usually are", len(c.Centres)/dims, rows)
}

// points returns the flows' numbers as they are compared: logarithms, standardised and, where that is wanted, along the
// first components.
func (d *Detector) points() (points []float64, dims int) {
	points, dims = slices.Clone(d.flows.Rows), d.flows.Dims()
	d.flows.Logs(points)
	sample.Standardise(points, dims)
	if d.cfg.Components == 0 {
		return points, dims
	}
	p, ok := NewPCA(points, dims)
	if !ok {
		return points, dims
	}
	var projected []float64
	for row := range slices.Chunk(points, dims) {
		projected = p.Project(projected, row, d.cfg.Components)
	}
	return projected, d.cfg.Components
}

func (d *Detector) cluster(points []float64, dims int) Clustering {
	rng := rand.New(rand.NewPCG(uint64(d.cfg.Seed), 0))
	switch d.cfg.Method {
	case "mean_shift":
		return MeanShift(points, dims, d.cfg.Bandwidth)
	case "minibatch":
		return bestOfBatches(points, dims, d.cfg.K, starts, rng)
	}
	return Best(points, dims, d.cfg.K, starts, rng)
}

// far returns of each point the distance from the nearest centre that counts, in medians of the distances of the points
// that are nearest to it; where most of those are 0, in medians of all that are not. Without such a centre it is 0.
func far(points []float64, dims int, c Clustering) []float64 {
	members := make([]int, len(c.Centres)/dims)
	for _, l := range c.Labels {
		members[l]++
	}
	var centres []float64
	for i, n := range members {
		if n >= minMembers {
			centres = append(centres, c.Centres[i*dims:(i+1)*dims]...)
		}
	}
	scores, labels := make([]float64, len(c.Labels)), make([]int32, len(c.Labels))
	if len(centres) == 0 {
		return scores
	}
	of := make([][]float64, len(centres)/dims) // distances by centre
	var apart []float64                        // those that are not 0
	for i := range scores {
		label, d := nearest(points[i*dims:(i+1)*dims], centres)
		scores[i], labels[i] = math.Sqrt(d), label
		of[label] = append(of[label], scores[i])
		if d > 0 {
			apart = append(apart, scores[i])
		}
	}
	medians := make([]float64, len(of))
	for i := range of {
		if medians[i] = detect.Quantile(of[i], 0.5); !(medians[i] > 0) {
			medians[i] = detect.Quantile(apart, 0.5)
		}
	}
	for i, label := range labels {
		if scores[i] > 0 {
			scores[i] /= medians[label]
		}
	}
	return scores
}

func (d *Detector) alert(b detect.Batch, o outlier, near string, all int) detect.Alert {
	a := d.flows.Alert(o.flow)
	a.Kind, a.Score, a.Time, a.Status = "outlier", o.score, b.End, d.flows.Status()
	a.WindowStart, a.WindowEnd = b.Start, b.End
	if d.cfg.Batch == 0 {
		a.WindowStart, a.WindowEnd = d.first, d.last
	}
	row, _ := d.flows.Words()
	a.Message = fmt.Sprintf("%s from %v to %v is %s times as far from %s, one of %d such among %d", row, a.Client, a.Server, detect.Number(o.score, 3), near, all, a.N)
	a.Key = fmt.Sprintf("%016x", a.Evidence.IDs()[0])
	a.Reasons = append(a.Reasons, detect.Reason{Feature: "distance", Value: o.score, Threshold: d.cfg.Far, Baseline: 1})
	return a
}
