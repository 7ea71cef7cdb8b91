package density

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
)

// every is the length of a batch.
const every = time.Minute

// maxScores is how many outliers of a batch are scored, those furthest away.
const maxScores = 4096

// Detector holds the flows of the minute at hand, or aggregates of them. Make it with New.
type Detector struct {
	cfg    Config
	flows  *sample.Sample
	credit uint64 // flows judged since the last alert

	line          line      // scratch
	plain, robust Result    // scratch: of the scalings that are wanted
	scaled        []float64 // scratch
	out           []outlier // scratch
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// outlier is a flow that is in no cluster.
type outlier struct {
	flow          int32
	plain, robust float64 // distance to the nearest core; 0: it is in a cluster, or the scaling is not wanted
}

func (o *outlier) score() float64 { return max(o.plain, o.robust) }

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	return &Detector{cfg: cfg, flows: sample.New(cfg.Rows, cfg.Columns, cfg.MaxFlows)}
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount { return d.flows.Counts() }

// Needs implements detect.Needer.
func (d *Detector) Needs() []detect.Need { return sample.Needs(d.cfg.Rows, d.cfg.Columns) }

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		d.flows.Add(&flows[i])
	}
}

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	d.flows.End()
	if len(d.flows.Flows) >= d.cfg.MinFlows {
		d.judge(&b, out)
	}
	d.flows.Reset(uint64(b.End))
}

func (d *Detector) judge(b *detect.Batch, out detect.Out) {
	n, status := len(d.flows.Flows), d.flows.Status()
	if b.Partial {
		status = detect.Insufficient
	} else {
		d.credit += uint64(n)
	}
	outliers := d.outliers()
	alert := !b.Partial && d.credit >= uint64(d.cfg.FlowsPerAlert) && len(outliers) > 0
	for i := range outliers[:min(len(outliers), maxScores)] {
		o := &outliers[i]
		f := &d.flows.Flows[o.flow]
		out.Score(detect.Score{Time: b.End, Subject: f.Client, Role: detect.Client, FlowID: f.ID, Raw: o.score(), P: math.NaN(),
			N: uint64(n), Status: status, Alerted: alert && i == 0})
	}
	if alert {
		d.credit = 0
		a := d.alert(&outliers[0], len(outliers))
		a.Time, a.Status, a.WindowStart, a.WindowEnd = b.End, status, b.Start, b.End
		out.Alert(a)
	}
}

// outliers returns the flows that are in no cluster of one scaling or the other, the furthest first. The slice is scratch.
func (d *Detector) outliers() []outlier {
	d.plain.reset(0)
	d.robust.reset(0)
	if d.flows.Dims() == 1 {
		d.clusterColumn()
	} else {
		d.clusterRows()
	}
	d.out = d.out[:0]
	for i := range d.flows.Flows {
		o := outlier{int32(i), d.plain.apart(i), d.robust.apart(i)}
		if s := o.score(); s > 0 && !math.IsInf(s, 1) {
			d.out = append(d.out, o)
		}
	}
	slices.SortFunc(d.out, func(a, b outlier) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(d.flows.Flows[a.flow].ID, d.flows.Flows[b.flow].ID), cmp.Compare(a.flow, b.flow))
	})
	return d.out
}

// clusterRows finds the clusters of rows of several numbers.
func (d *Detector) clusterRows() {
	dims := d.flows.Dims()
	if d.cfg.Scaling != "robust" {
		d.scaled = append(d.scaled[:0], d.flows.Rows...)
		sample.Standardise(d.scaled, dims)
		d.plain = Cluster(d.scaled, dims, d.cfg.Eps, d.cfg.MinSamples)
	}
	if d.cfg.Scaling != "plain" {
		d.scaled = append(d.scaled[:0], d.flows.Rows...)
		d.flows.Logs(d.scaled)
		sample.Robustly(d.scaled, dims)
		d.robust = Cluster(d.scaled, dims, d.cfg.Eps, d.cfg.MinSamples)
	}
}

// clusterColumn finds those of single numbers, whose order no scaling changes.
func (d *Detector) clusterColumn() {
	d.line.take(d.flows.Rows)
	if d.cfg.Scaling != "plain" {
		d.scaled = d.scaled[:0]
		for _, p := range d.line.at {
			d.scaled = append(d.scaled, p.x)
		}
		d.flows.Logs(d.scaled)
		d.line.move(func(i int) float64 { return d.scaled[i] })
		median, scale := sample.Robust(len(d.line.at), func(i int) float64 { return d.line.at[i].x })
		d.line.move(func(i int) float64 { return (d.line.at[i].x - median) / scale })
		d.line.cluster(&d.robust, d.cfg.Eps, d.cfg.MinSamples)
	}
	if d.cfg.Scaling != "robust" {
		d.scaled = append(d.scaled[:0], d.flows.Rows...)
		sample.Standardise(d.scaled, 1)
		d.line.move(func(i int) float64 { return d.scaled[d.line.at[i].index] })
		d.line.cluster(&d.plain, d.cfg.Eps, d.cfg.MinSamples)
	}
}

// apart is a point's distance from the nearest core, 0 where it is in a cluster or there is no result.
func (r *Result) apart(i int) float64 {
	if len(r.Distance) == 0 {
		return 0
	}
	return r.Distance[i]
}

// alert is about the outlier that is furthest away.
func (d *Detector) alert(o *outlier, all int) detect.Alert {
	a := d.flows.Alert(int(o.flow))
	a.Kind, a.Score = "outlier", o.score()
	first := a.Reasons[0]
	row, rows := d.flows.Words()
	a.Message = fmt.Sprintf("%s from %v to %v (%s %s, median %s) is %s standard deviations from the nearest group of %s of its minute, furthest of %d outliers among %d %s",
		row, a.Client, a.Server, first.Feature, detect.Number(first.Value, 6), detect.Number(first.Baseline, 6), detect.Number(a.Score, 3), rows, all, a.N, rows)
	for _, r := range []detect.Reason{
		{Feature: "distance", Value: o.plain, Threshold: d.cfg.Eps, Baseline: math.NaN()},
		{Feature: "robust_distance", Value: o.robust, Threshold: d.cfg.Eps, Baseline: math.NaN()},
	} {
		if r.Value > 0 {
			a.Reasons = append(a.Reasons, r)
		}
	}
	return a
}
