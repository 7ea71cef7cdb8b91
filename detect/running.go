package detect

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// running is a detector at work; it is the Out that the detector is given.
type running struct {
	Detector
	engine  *Engine
	index   int
	flows   FlowWatcher   // nil: it watches none
	windows WindowWatcher // nil: it watches none
	scores  ScoreWatcher  // nil: it watches none
	batcher Batcher       // nil: it has no batches
	batches []*openBatch  // the shortest first

	said   []Score // in this second
	alerts int     // pending ones
	count  DetectorCount
}

var _ Out = (*running)(nil)

// openBatch is where a detector's batches of one length stand.
type openBatch struct {
	every time.Duration
	end   int64 // of the batch that has records; noTime: none has
	later bool  // it is not the first
}

func newRunning(e *Engine, index int, d Detector) *running {
	r := &running{Detector: d, engine: e, index: index, count: DetectorCount{Name: d.Info().Name}}
	r.flows, _ = d.(FlowWatcher)
	r.windows, _ = d.(WindowWatcher)
	if c, ok := d.(WindowChooser); ok && !c.WantsWindows() {
		r.windows = nil
	}
	r.scores, _ = d.(ScoreWatcher)
	r.batcher, _ = d.(Batcher)
	if r.batcher == nil {
		return r
	}
	for _, every := range r.batcher.Batches() {
		if every < time.Second || every%time.Second != 0 {
			panic("bug: batches of " + every.String() + " are not whole seconds")
		}
		r.batches = append(r.batches, &openBatch{every: every, end: noTime})
	}
	slices.SortFunc(r.batches, func(a, b *openBatch) int { return cmp.Compare(a.every, b.every) })
	return r
}

// closeBatches closes the batches that end by due.
func (r *running) closeBatches(due int64) {
	for _, b := range r.batches {
		if b.end == noTime || b.end > due {
			continue
		}
		batch := Batch{Start: b.end - int64(b.every), End: b.end, Every: b.every, Last: r.engine.ended}
		batch.Partial = !b.later || r.engine.ended && b.end > r.engine.until
		b.end, b.later = noTime, true
		r.batcher.CloseBatch(batch, r)
	}
}

// Alert implements Out.
func (r *running) Alert(a Alert) {
	a.Detector = r.count.Name
	for _, v := range []*float64{&a.P, &a.Probability} {
		if *v == 0 {
			*v = math.NaN() // never said, for nothing is impossible
		}
	}
	if r.engine.ended {
		a.Time = min(a.Time, r.engine.until)
	}
	r.count.Raised++
	switch {
	case !r.engine.standing.pass(&a, r.index):
		r.count.Repeated++
	case r.alerts == maxAlerts:
		r.count.Capped++
	default:
		r.alerts++
		r.count.Written++
		r.count.Severities.add(a.Severity)
		r.engine.pending = append(r.engine.pending, pendingAlert{a, r.index})
	}
}

// Score implements Out.
func (r *running) Score(s Score) {
	if len(r.said) < maxScores && r.engine.scored {
		if r.engine.ended {
			s.Time = min(s.Time, r.engine.until)
		}
		s.Detector = r.index
		r.said = append(r.said, s)
	}
}
