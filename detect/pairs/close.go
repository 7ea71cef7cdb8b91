package pairs

import (
	"fmt"
	"math"
	"slices"

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

// column is a feature of all pairs.
type column []uint64

// numbersOf returns the i-th pair's features as they are counted.
func (d *Detector) numbersOf(i int) [features]uint64 {
	p, t := &d.pairs[i], &d.tallies[i]
	return [features]uint64{uint64(p.flows), uint64(t.ports), uint64(t.newPorts), p.up, p.down}
}

// scale returns what of a feature is held against the fences.
func (d *Detector) scale(feature int) func(x uint64) float64 {
	if feature >= bytesUp && !d.cfg.Compat {
		return log1p
	}
	return func(x uint64) float64 { return float64(x) }
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
	last       uint32 // of its pairs
	first      uint32 // from 1; the others by tally.next
	servers    uint32
	newTargets uint32
	unanswered uint32
	scanned    uint32  // pairs with an alert of their own about new ports
	theirs     uint32  // new ports of those
	worst      float64 // of its pairs' scores
	alerted    bool
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

// CloseBatch implements detect.Batcher. Clients are judged in the order of their last pairs.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	d.fold()
	now := batch{Batch: &b, out: out, status: d.status(b.End)}
	d.fence(&now)
	d.gather(&now)
	for _, i := range slices.Backward(d.odd) {
		d.judgePair(&now, i)
	}
	for i := range slices.Backward(d.sources) {
		d.judgeSource(&now, &d.sources[i])
	}
	d.open.clear()
	d.clients.clear()
	d.sources, d.odd = d.sources[:0], d.odd[:0]
	d.start = noBatch
	d.known.expire(b.End - int64(d.cfg.Expiry))
}

// fence finds the fences of the batch's pairs. A partial batch is no past for those to come: at the end of the input all
// flows that are open are written at once.
func (d *Detector) fence(b *batch) {
	b.enough = true
	for i := range features {
		d.values[i] = slices.Grow(d.values[i][:0], len(d.pairs))[:len(d.pairs)]
	}
	for i := range d.pairs {
		for k, x := range d.numbersOf(i) {
			d.values[k][i] = x
		}
	}
	for i := range features {
		var ok bool
		b.fences[i], ok = d.history[i].fence(d.ranks.of(d.values[i], d.scale(i)), d.cfg.MinPairs, d.floor(i), b.Partial)
		b.enough = b.enough && ok
	}
}

// status says whether this batch or, as far as ports are remembered, one before it had to forget.
func (d *Detector) status(end int64) detect.Status {
	if d.known.evicted != d.evicted {
		d.evicted, d.forgot = d.known.evicted, end
	}
	full := d.rejected != d.refused
	d.refused = d.rejected
	if full || d.forgot != noBatch && end-d.forgot < int64(d.cfg.Expiry) {
		return detect.Degraded
	}
	return detect.OK
}

// gather makes the clients of the pairs, and their fence. It goes from the last pair to the first.
func (d *Detector) gather(b *batch) {
	usual := d.usual(b)
	for i := len(d.pairs) - 1; i >= 0; i-- {
		s, t := d.sourceOf(i), &d.tallies[i]
		t.next, s.first = s.first, uint32(i)+1
		s.servers++
		s.newTargets += t.newPorts + t.newOther
		s.unanswered += t.unanswered
		if usual.holds(d.numbersOf(i)) {
			continue
		}
		v := d.verdict(b, i)
		if v.scan || v.outlier {
			d.odd = append(d.odd, i)
		}
		s.worst = max(s.worst, v.score)
		if v.scan {
			s.scanned++
			s.theirs += t.newPorts
		}
	}
	targets := d.values[0][:0]
	for i := range d.sources {
		targets = append(targets, uint64(d.sources[i].newTargets))
	}
	d.values[0] = targets
	b.targets, _ = d.targets.fence(d.ranks.of(targets, d.scale(flows)), d.cfg.MinPairs, 1, b.Partial)
}

// sourceOf returns the i-th pair's client.
func (d *Detector) sourceOf(i int) *source {
	p, hash := &d.pairs[i], d.tallies[i].client
	for at, k := d.clients.seek(hash, d.clients.home(hash)); k >= 0; at, k = d.clients.seek(hash, at+1) {
		s := &d.sources[k]
		if q := &d.pairs[s.last]; q.client == p.client && q.version == p.version {
			return s
		}
	}
	d.clients.add(hash, len(d.sources))
	d.sources = append(d.sources, source{last: uint32(i)})
	return &d.sources[len(d.sources)-1]
}

// calm is numbers that no feature is above of, of pairs of which there is nothing to say.
type calm struct {
	most [features]uint64
	none bool // there is something to say of all
}

// usual returns numbers that are not above the third quartiles.
func (d *Detector) usual(b *batch) (c calm) {
	c.none = d.cfg.Compat // low ones count, too
	for i, f := range b.fences {
		q3 := max(f.Q3, 0)
		if i >= bytesUp {
			q3 = math.Expm1(q3) * (1 - 1e-9) // it is not exact
		}
		c.most[i] = uint64(min(q3, 1<<53))
	}
	return c
}

func (c *calm) holds(x [features]uint64) bool {
	return !c.none && x[flows] <= c.most[flows] && x[ports] <= c.most[ports] && x[newPorts] <= c.most[newPorts] &&
		x[bytesUp] <= c.most[bytesUp] && x[bytesDown] <= c.most[bytesDown]
}

// verdict is what the fences say of a pair.
type verdict struct {
	outside [features]bool
	votes   int     // high ones
	score   float64 // IQRs above the third quartile, of the feature furthest out
	scan    bool    // worth an alert about new ports
	outlier bool    // worth an alert about votes
}

func (d *Detector) verdict(b *batch, pair int) (v verdict) {
	for i, n := range d.numbersOf(pair) {
		f, x := b.fences[i], d.scale(i)(n)
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
	p, t := &d.pairs[pair], &d.tallies[pair]
	v.scan = v.outside[newPorts] && t.newPorts >= uint32(d.cfg.MinNewPorts) && 2*t.unanswered >= t.newPorts
	v.outlier = b.enough && !b.Partial && v.votes >= d.cfg.MinVotes && p.flows >= uint32(d.cfg.MinFlows)
	return v
}

// spread says whether a client's scan is one of several servers, rather than of the one that has its own alert.
func (d *Detector) spread(b *batch, s *source) bool {
	return !d.cfg.Compat && s.servers > 1 && s.newTargets >= uint32(d.cfg.MinNewTargets) && float64(s.newTargets) > b.targets.Upper &&
		2*s.unanswered >= s.newTargets && (s.scanned != 1 || 2*s.theirs < s.newTargets)
}

// judgePair raises at most one alert about a pair that is worth one.
func (d *Detector) judgePair(b *batch, i int) {
	v, p, t := d.verdict(b, i), &d.pairs[i], &d.tallies[i]
	client, server := detect.Host{Addr: p.client, Version: p.version}, detect.Host{Addr: p.server, Version: p.version}
	s := d.sourceOf(i)
	s.alerted = true
	if v.scan && d.spread(b, s) {
		return // the client's own alert tells of it
	}
	a := b.alert(client, v.score, d.evidence(i))
	a.Server, a.Key, a.N = server, server.String(), uint64(len(d.pairs))
	for k, outside := range v.outside {
		if outside {
			a.Reasons = append(a.Reasons, d.reason(b, i, k))
		}
	}
	if v.scan {
		a.Kind, a.Severity = "new_ports", detect.Medium
		a.Message = fmt.Sprintf("%v used %d ports of %v in 10 s that it did not use before, %d without an answer (fence %s)",
			client, t.newPorts, server, t.unanswered, detect.Number(b.fences[newPorts].Upper, 4))
	} else {
		a.Kind, a.Severity = "outlier", detect.Low
		a.Message = fmt.Sprintf("%v and %v: %d flows to %d ports, %d bytes up and %d down in 10 s, outside of %d of %d fences",
			client, server, p.flows, t.ports, p.up, p.down, len(a.Reasons), features)
	}
	b.out.Alert(a)
}

// reason holds a feature of a pair against its fence, in its own unit.
func (d *Detector) reason(b *batch, pair, feature int) detect.Reason {
	x, f := d.scale(feature)(d.numbersOf(pair)[feature]), b.fences[feature]
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
func (d *Detector) judgeSource(b *batch, s *source) {
	p := &d.pairs[s.last]
	client := detect.Host{Addr: p.client, Version: p.version}
	score := max(s.worst, min(b.targets.Beyond(float64(s.newTargets)), math.MaxFloat64))
	if d.spread(b, s) {
		s.alerted = true
		a := b.alert(client, score, d.evidenceOf(s))
		a.Kind, a.Severity, a.N = "new_targets", detect.Medium, uint64(len(d.sources))
		a.Reasons = []detect.Reason{
			{Feature: "new_targets", Value: float64(s.newTargets), Threshold: b.targets.Upper, Baseline: b.targets.Q3},
			{Feature: "unanswered", Value: float64(s.unanswered), Threshold: float64(s.newTargets) / 2, Baseline: math.NaN()},
		}
		a.Message = fmt.Sprintf("%v reached for %d ports of %d hosts in 10 s that it did not use before, %d without an answer (fence %s)",
			client, s.newTargets, s.servers, s.unanswered, detect.Number(b.targets.Upper, 4))
		b.out.Alert(a)
	}
	status := b.status
	if !b.enough && status == detect.OK {
		status = detect.Insufficient
	}
	b.out.Score(detect.Score{Time: b.End, Subject: client, Role: detect.Client, Raw: score, P: math.NaN(),
		N: uint64(len(d.pairs)), Status: status, Alerted: s.alerted})
}

// evidenceOf returns the flows of a client's pairs that used something new.
func (d *Detector) evidenceOf(s *source) (e detect.Evidence) {
	for i := s.first; i != 0; i = d.tallies[i-1].next {
		if t := &d.tallies[i-1]; t.newPorts+t.newOther > 0 {
			one := d.evidence(int(i) - 1)
			for _, id := range one.IDs() {
				e.Add(id)
			}
			e.Total += one.Total - uint64(len(one.IDs()))
		}
	}
	return e
}

// alert returns what the batch's alerts have in common.
func (b *batch) alert(client detect.Host, score float64, evidence detect.Evidence) detect.Alert {
	return detect.Alert{Time: b.End, Status: b.status, Score: score, P: math.NaN(), Probability: math.NaN(),
		Subject: client, Role: detect.Client, Client: client, WindowStart: b.Start, WindowEnd: b.End, Evidence: evidence}
}
