package density

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// every is the length of a batch.
const every = time.Minute

// maxScores is how many outliers of a batch are scored, those furthest away.
const maxScores = 4096

// Detector holds the flows of the minute at hand. Make it with New.
type Detector struct {
	cfg     Config
	columns []column
	rng     *rand.PCG
	flows   []sample  // kept ones
	rows    []float64 // their numbers, one row for each
	total   uint64    // flows of the minute, also those that are not kept
	dropped uint64    // flows that were not kept, of all minutes
	credit  uint64    // flows judged since the last alert

	scaled []float64 // scratch
	column []float64 // scratch
	out    []outlier // scratch
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// sample is a flow that is kept.
type sample struct {
	id             uint64
	client, server detect.Host
	port           uint16
	proto          uint8
	ports          bool
}

// outlier is a flow that is in no cluster.
type outlier struct {
	flow          int32
	plain, robust float64 // distance to the nearest core; 0: it is in a cluster, or the scaling is not wanted
}

func (o *outlier) score() float64 { return max(o.plain, o.robust) }

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg, rng: rand.NewPCG(0, 0)}
	for _, name := range cfg.Columns {
		d.columns = append(d.columns, *columnOf(name))
	}
	return d
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{{Name: "flows", Entries: len(d.flows), Cap: d.cfg.MaxFlows, Rejected: d.dropped}}
}

// Flows implements detect.FlowWatcher. Of too many flows each has the same chance to be kept (Vitter's algorithm R), by
// numbers that are the same in every run.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		d.total++
		place := uint64(len(d.flows))
		if place == uint64(d.cfg.MaxFlows) {
			d.dropped++
			if place = d.rng.Uint64() % d.total; place >= uint64(d.cfg.MaxFlows) {
				continue
			}
		} else {
			d.flows = append(d.flows, sample{})
			d.rows = append(d.rows, make([]float64, len(d.columns))...)
		}
		d.keep(&flows[i], int(place))
	}
}

func (d *Detector) keep(f *detect.Flow, place int) {
	d.flows[place] = sample{f.ID, f.ClientHost(), f.ServerHost(), f.ServerPort, f.Proto, f.HasPorts()}
	for k := range d.columns {
		d.rows[place*len(d.columns)+k] = d.columns[k].value(f)
	}
}

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	if len(d.flows) >= d.cfg.MinFlows {
		d.judge(&b, out)
	}
	d.flows, d.rows, d.total = d.flows[:0], d.rows[:0], 0
	d.rng.Seed(uint64(b.End), 0)
}

func (d *Detector) judge(b *detect.Batch, out detect.Out) {
	status := detect.OK
	switch {
	case b.Partial:
		status = detect.Insufficient
	case d.total > uint64(len(d.flows)):
		status = detect.Degraded
	}
	outliers := d.outliers()
	if !b.Partial {
		d.credit += uint64(len(d.flows))
	}
	alert := !b.Partial && d.credit >= uint64(d.cfg.FlowsPerAlert) && len(outliers) > 0
	for i := range outliers[:min(len(outliers), maxScores)] {
		o := &outliers[i]
		f := &d.flows[o.flow]
		out.Score(detect.Score{Time: b.End, Subject: f.client, Role: detect.Client, FlowID: f.id, Raw: o.score(), P: math.NaN(),
			N: uint64(len(d.flows)), Status: status, Alerted: alert && i == 0})
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
	d.out = d.out[:0]
	var plain, robust Result
	if d.cfg.Scaling != "robust" {
		d.scaled = append(d.scaled[:0], d.rows...)
		Standardise(d.scaled, len(d.columns))
		plain = Cluster(d.scaled, len(d.columns), d.cfg.Eps, d.cfg.MinSamples)
	}
	if d.cfg.Scaling != "plain" {
		d.scaled = append(d.scaled[:0], d.rows...)
		for i := range d.scaled {
			if !d.columns[i%len(d.columns)].ratio {
				d.scaled[i] = math.Log1p(d.scaled[i])
			}
		}
		Robustly(d.scaled, len(d.columns))
		robust = Cluster(d.scaled, len(d.columns), d.cfg.Eps, d.cfg.MinSamples)
	}
	for i := range d.flows {
		o := outlier{int32(i), plain.apart(i), robust.apart(i)}
		if s := o.score(); s > 0 && !math.IsInf(s, 1) {
			d.out = append(d.out, o)
		}
	}
	slices.SortFunc(d.out, func(a, b outlier) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(d.flows[a.flow].id, d.flows[b.flow].id), cmp.Compare(a.flow, b.flow))
	})
	return d.out
}

// apart is a point's distance from the nearest core, 0 where it is in a cluster or there is no result.
func (r *Result) apart(i int) float64 {
	if r.Labels == nil {
		return 0
	}
	return r.Distance[i]
}

// alert is about the outlier that is furthest away.
func (d *Detector) alert(o *outlier, all int) detect.Alert {
	f := &d.flows[o.flow]
	a := detect.Alert{Kind: "outlier", Severity: detect.Informational, Score: o.score(), P: math.NaN(), Probability: math.NaN(),
		N: uint64(len(d.flows)), Subject: f.client, Role: detect.Client, Client: f.client, Server: f.server, ServerPort: f.port,
		HasPort: f.ports, Proto: f.proto, FlowID: f.id}
	a.Evidence.Add(f.id)
	for _, r := range []struct {
		name     string
		distance float64
	}{{"distance", o.plain}, {"robust_distance", o.robust}} {
		if r.distance > 0 {
			a.Reasons = append(a.Reasons, detect.Reason{Feature: r.name, Value: r.distance, Threshold: d.cfg.Eps, Baseline: math.NaN()})
		}
	}
	for k, c := range d.columns {
		d.column = d.column[:0]
		for i := k; i < len(d.rows); i += len(d.columns) {
			d.column = append(d.column, d.rows[i])
		}
		a.Reasons = append(a.Reasons, detect.Reason{Feature: c.name, Value: d.rows[int(o.flow)*len(d.columns)+k],
			Threshold: math.NaN(), Baseline: detect.Quantile(d.column, 0.5)})
	}
	first := a.Reasons[len(a.Reasons)-len(d.columns)]
	a.Message = fmt.Sprintf("a flow from %v to %v (%s %.6g, median %.6g) is %.3g standard deviations from the nearest group of flows of its minute, furthest of %d outliers among %d flows",
		f.client, f.server, first.Feature, first.Value, first.Baseline, o.score(), all, len(d.flows))
	return a
}
