package pairs

import (
	"fmt"
	"math"

	"github.com/weir-sensor/weir/detect"
)

// The features of a pair, in the order of its values.
const (
	flows = iota
	ports
	newPorts
	bytesUp
	bytesDown
	features
)

var featureNames = [features]string{"flows", "ports", "new_ports", "bytes_up", "bytes_down"}

// values returns what is held against the fences.
func (d *Detector) valuesOf(p *pair) [features]float64 {
	v := [features]float64{float64(p.flows), float64(p.ports), float64(p.newPorts), float64(p.up), float64(p.down)}
	if !d.cfg.Compat {
		v[bytesUp], v[bytesDown] = log1p(p.up), log1p(p.down)
	}
	return v
}

// logs are the logarithms of the numbers of bytes that most pairs have.
var logs = func() (l [2048]float64) {
	for i := range l {
		l[i] = math.Log1p(float64(i))
	}
	return l
}()

func log1p(bytes uint64) float64 {
	if bytes < uint64(len(logs)) {
		return logs[bytes]
	}
	return math.Log1p(float64(bytes))
}

// floor is the least IQR of a feature.
func (d *Detector) floor(feature int) float64 {
	switch {
	case d.cfg.Compat:
		return 0
	case feature >= bytesUp:
		return 0.25
	}
	return 1
}

// source is what a client did in a batch, over all its pairs.
type source struct {
	servers    uint32
	newTargets uint32
	unanswered uint32
	scanned    uint32  // pairs with an alert of their own about new ports
	theirs     uint32  // new ports of those
	worst      float64 // of its pairs' scores
	alerted    bool
	evidence   detect.Evidence
}

// batch is one that is being closed.
type batch struct {
	*detect.Batch
	out     detect.Out
	status  detect.Status
	fences  [features]Fence
	targets Fence
	enough  bool // the fences are of values
}

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	now := batch{Batch: &b, out: out, status: d.status(b.End)}
	d.fence(&now)
	d.gather(&now)
	for key, p := range d.pairs.All() {
		if p.odd {
			d.judgePair(&now, key, p)
		}
	}
	for host, s := range d.sources.All() {
		d.judgeSource(&now, host, s)
	}
	d.pairs.Clear()
	d.sources.Clear()
	d.start = noBatch
	d.forget(b.End)
}

// fence finds the fences of the batch's pairs. A partial batch is no past for those to come: at the end of the input all
// flows that are open are written at once.
func (d *Detector) fence(b *batch) {
	b.enough = true
	for i := range features {
		d.values[i] = d.values[i][:0]
	}
	for _, p := range d.pairs.All() {
		for i, x := range d.valuesOf(p) {
			d.values[i] = append(d.values[i], x)
		}
	}
	for i := range features {
		var ok bool
		b.fences[i], ok = d.history[i].fence(d.values[i], d.cfg.MinPairs, d.floor(i), b.Partial)
		b.enough = b.enough && ok
	}
}

// status says whether this batch or, as far as ports are remembered, one before it had to forget.
func (d *Detector) status(end int64) detect.Status {
	if n := d.ports.Evicted(); n != d.evicted {
		d.evicted, d.forgot = n, end
	}
	full := d.rejected != d.refused
	d.refused = d.rejected
	if full || d.forgot != noBatch && end-d.forgot < int64(d.cfg.Expiry) {
		return detect.Degraded
	}
	return detect.OK
}

// gather makes the clients of the pairs, and their fence.
func (d *Detector) gather(b *batch) {
	for key, p := range d.pairs.All() {
		s, _ := d.sources.Put(detect.Host{Addr: key.client, Version: key.version}, p.client)
		s.servers++
		s.newTargets += p.newPorts + p.newOther
		s.unanswered += p.unanswered
		v := d.verdict(b, p)
		p.odd = v.scan || v.outlier
		s.worst = max(s.worst, v.score)
		if v.scan {
			s.scanned++
			s.theirs += p.newPorts
		}
		if p.newPorts+p.newOther > 0 {
			for _, id := range p.evidence.IDs() {
				s.evidence.Add(id)
			}
			s.evidence.Total += p.evidence.Total - uint64(len(p.evidence.IDs()))
		}
	}
	targets := d.values[0][:0]
	for _, s := range d.sources.All() {
		targets = append(targets, float64(s.newTargets))
	}
	b.targets, _ = d.targets.fence(targets, d.cfg.MinPairs, 1, b.Partial)
}

// verdict is what the fences say of a pair.
type verdict struct {
	outside [features]bool
	votes   int     // high ones
	score   float64 // IQRs above the third quartile, of the feature furthest out
	scan    bool    // worth an alert about new ports
	outlier bool    // worth an alert about votes
}

func (d *Detector) verdict(b *batch, p *pair) (v verdict) {
	for i, x := range d.valuesOf(p) {
		f := b.fences[i]
		high, low := x > f.Upper, x < f.Lower && (i >= bytesUp || d.cfg.Compat)
		v.outside[i] = high || low
		if high {
			v.votes++
		}
		v.score = max(v.score, min(f.Beyond(x), math.MaxFloat64))
	}
	if d.cfg.Compat {
		v.outlier = v.outside[flows] || v.outside[ports] || v.outside[bytesUp] || v.outside[bytesDown]
		return v
	}
	v.scan = v.outside[newPorts] && p.newPorts >= uint32(d.cfg.MinNewPorts) && 2*p.unanswered >= p.newPorts
	v.outlier = b.enough && !b.Partial && v.votes >= d.cfg.MinVotes && p.flows >= uint32(d.cfg.MinFlows)
	return v
}

// spread says whether a client's scan is one of several servers, rather than of the one that has its own alert.
func (d *Detector) spread(b *batch, s *source) bool {
	return !d.cfg.Compat && s.servers > 1 && s.newTargets >= uint32(d.cfg.MinNewTargets) && float64(s.newTargets) > b.targets.Upper &&
		2*s.unanswered >= s.newTargets && (s.scanned != 1 || 2*s.theirs < s.newTargets)
}

// judgePair raises at most one alert about a pair that is worth one.
func (d *Detector) judgePair(b *batch, key pairKey, p *pair) {
	v := d.verdict(b, p)
	client, server := detect.Host{Addr: key.client, Version: key.version}, detect.Host{Addr: key.server, Version: key.version}
	s := d.sources.Get(client, p.client)
	s.alerted = true
	if v.scan && d.spread(b, s) {
		return // the client's own alert tells of it
	}
	a := b.alert(client, v.score, p.evidence)
	a.Server, a.Key, a.N = server, server.String(), uint64(d.pairs.Len())
	for i, outside := range v.outside {
		if outside {
			a.Reasons = append(a.Reasons, d.reason(b, p, i))
		}
	}
	if v.scan {
		a.Kind, a.Severity = "new_ports", detect.Medium
		a.Message = fmt.Sprintf("%v used %d ports of %v in 10 s that it did not use before, %d without an answer (fence %.4g)",
			client, p.newPorts, server, p.unanswered, b.fences[newPorts].Upper)
	} else {
		a.Kind, a.Severity = "outlier", detect.Low
		a.Message = fmt.Sprintf("%v and %v: %d flows to %d ports, %d bytes up and %d down in 10 s, outside of %d of %d fences",
			client, server, p.flows, p.ports, p.up, p.down, len(a.Reasons), features)
	}
	b.out.Alert(a)
}

// reason holds a feature against its fence, in its own unit.
func (d *Detector) reason(b *batch, p *pair, feature int) detect.Reason {
	x, f := d.valuesOf(p)[feature], b.fences[feature]
	threshold := f.Upper
	if x < f.Lower {
		threshold = f.Lower
	}
	r := detect.Reason{Feature: featureNames[feature], Value: x, Threshold: threshold, Baseline: f.Q3}
	if feature >= bytesUp && !d.cfg.Compat {
		r.Value, r.Threshold, r.Baseline = math.Round(math.Expm1(x)), math.Expm1(threshold), math.Expm1(f.Q3)
	}
	return r
}

// judgeSource scores a client, and raises an alert where it reached for many targets.
func (d *Detector) judgeSource(b *batch, client detect.Host, s *source) {
	score := max(s.worst, min(b.targets.Beyond(float64(s.newTargets)), math.MaxFloat64))
	if d.spread(b, s) {
		s.alerted = true
		a := b.alert(client, score, s.evidence)
		a.Kind, a.Severity, a.N = "new_targets", detect.Medium, uint64(d.sources.Len())
		a.Reasons = []detect.Reason{
			{Feature: "new_targets", Value: float64(s.newTargets), Threshold: b.targets.Upper, Baseline: b.targets.Q3},
			{Feature: "unanswered", Value: float64(s.unanswered), Threshold: float64(s.newTargets) / 2, Baseline: math.NaN()},
		}
		a.Message = fmt.Sprintf("%v reached for %d ports of %d hosts in 10 s that it did not use before, %d without an answer (fence %.4g)",
			client, s.newTargets, s.servers, s.unanswered, b.targets.Upper)
		b.out.Alert(a)
	}
	status := b.status
	if !b.enough && status == detect.OK {
		status = detect.Insufficient
	}
	b.out.Score(detect.Score{Time: b.End, Subject: client, Role: detect.Client, Raw: score, P: math.NaN(),
		N: uint64(d.pairs.Len()), Status: status, Alerted: s.alerted})
}

// alert returns what the batch's alerts have in common.
func (b *batch) alert(client detect.Host, score float64, evidence detect.Evidence) detect.Alert {
	return detect.Alert{Time: b.End, Status: b.status, Score: score, P: math.NaN(), Probability: math.NaN(),
		Subject: client, Role: detect.Client, Client: client, WindowStart: b.Start, WindowEnd: b.End, Evidence: evidence}
}
