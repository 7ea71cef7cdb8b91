package detect

import (
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/features"
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
	lengths []time.Duration

	raised []Alert // that were not looked at
	said   []Score // that watchers were not told
	marks  []mark  // the ends of seconds among them
	beyond uint64  // alerts that there was no room for
	alerts int     // pending ones
	count  DetectorCount
}

// mark is where a second ends among what a detector raised and said.
type mark struct{ raised, said int }

var _ Out = (*running)(nil)

func newRunning(e *Engine, index int, d Detector) *running {
	r := &running{Detector: d, engine: e, index: index, count: DetectorCount{Name: d.Info().Name}}
	r.flows, _ = d.(FlowWatcher)
	r.windows, _ = d.(WindowWatcher)
	if c, ok := d.(WindowChooser); ok && !c.WantsWindows() {
		r.windows = nil
	}
	r.scores, _ = d.(ScoreWatcher)
	r.batcher, _ = d.(Batcher)
	if r.scores != nil && (r.flows != nil || r.windows != nil) {
		panic("bug: " + r.count.Name + " watches scores, so it can be told neither flows nor windows")
	}
	if r.batcher == nil {
		return r
	}
	r.lengths = r.batcher.Batches()
	for _, every := range r.lengths {
		if every < time.Second || every%time.Second != 0 {
			panic("bug: batches of " + every.String() + " are not whole seconds")
		}
	}
	return r
}

// judge goes over a block of these flows and windows.
func (r *running) judge(b *block, flows []Flow, windows []features.Window) {
	var done step
	for i, s := range b.steps {
		if r.windows == nil && !s.second && i < len(b.steps)-1 {
			continue // nothing comes between these flows and the next
		}
		if r.flows != nil {
			for group := range slices.Chunk(flows[done.flows:s.flows], groupSize) {
				r.flows.Flows(group, r)
			}
		}
		if r.windows != nil && s.windows > done.windows {
			r.windows.Windows(windows[done.windows:s.windows], r)
		}
		if s.second {
			r.closeBatches(b.batches[done.batches:s.batches])
			r.mark()
		}
		done = s
	}
}

// closeBatches closes those of the batches that are of its lengths.
func (r *running) closeBatches(batches []Batch) {
	for _, b := range batches {
		if slices.Contains(r.lengths, b.Every) {
			r.batcher.CloseBatch(b, r)
		}
	}
}

// mark says that a second has ended.
func (r *running) mark() { r.marks = append(r.marks, mark{len(r.raised), len(r.said)}) }

// since returns how much there was at the end of the second before the i-th of the marks.
func (r *running) since(i int) mark {
	if i == 0 {
		return mark{}
	}
	return r.marks[i-1]
}

// now returns where the second begins that has not ended.
func (r *running) now() mark { return r.since(len(r.marks)) }

// saidIn returns the scores of the i-th second.
func (r *running) saidIn(i int) []Score { return r.said[r.since(i).said:r.marks[i].said] }

// raisedIn returns the alerts of the i-th second.
func (r *running) raisedIn(i int) []Alert { return r.raised[r.since(i).raised:r.marks[i].raised] }

// forget forgets the seconds that have ended.
func (r *running) forget() {
	done := r.now()
	rest := copy(r.raised, r.raised[done.raised:])
	clear(r.raised[rest:]) // they hold strings
	r.raised, r.said = r.raised[:rest], r.said[:copy(r.said, r.said[done.said:])]
	r.marks = r.marks[:0]
}

// Alert implements Out.
func (r *running) Alert(a Alert) {
	if len(r.raised)-r.now().raised == maxRaised {
		r.beyond++
		return
	}
	a.Detector = r.count.Name
	for _, v := range []*float64{&a.P, &a.Probability} {
		if *v == 0 {
			*v = math.NaN() // never said, for nothing is impossible
		}
	}
	if r.engine.ended {
		a.Time = min(a.Time, r.engine.until)
	}
	r.raised = append(r.raised, a)
}

// Score implements Out.
func (r *running) Score(s Score) {
	if r.engine.scored && len(r.said)-r.now().said < maxScores {
		if r.engine.ended {
			s.Time = min(s.Time, r.engine.until)
		}
		s.Detector = r.index
		r.said = append(r.said, s)
	}
}
