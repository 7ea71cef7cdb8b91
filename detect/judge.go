package detect

import (
	"cmp"
	"fmt"
	"math/bits"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/weir-sensor/weir/flowtable"
)

// judgeBlock hands the block to the detectors and, second by second, what they said to those that watch scores and to the
// sink.
func (e *Engine) judgeBlock() {
	b := &e.block
	b.end(false)
	if len(b.steps) == 0 {
		return
	}
	e.counts.Flows += uint64(b.flows)
	e.counts.Windows += uint64(b.windows)
	flows := e.flows.waiting()[:b.flows]
	for i := range flows {
		e.complete(&flows[i], e.records.at(i))
	}
	e.sideBySide(flows)
	ended, batches := 0, 0
	for _, s := range b.steps {
		if s.second && e.err == nil {
			e.endSecond(ended, b.batches[batches:s.batches])
			ended, batches = ended+1, s.batches
		}
	}
	for _, r := range e.detectors {
		r.forget()
	}
	e.records.drop(b.flows)
	e.flows.drop(b.flows)
	e.windows.drop(b.windows)
	b.clear()
}

// complete makes a Flow of a record, with the time and what is missing.
func (e *Engine) complete(f *Flow, r *flowtable.Record) {
	f.Record = r
	f.ClientHash = Mix(Mix(e.seed, r.Client.Hi), r.Client.Lo)
	f.ServerHash = Mix(Mix(e.seed, r.Server.Hi), r.Server.Lo)
	f.PairHash = Mix(bits.RotateLeft64(f.ClientHash, 32), f.ServerHash) // turned, else it were 0 of every host with itself
	f.ClientLocal = e.local.Contains(r.Client, r.Version)
	f.ServerLocal = e.local.Contains(r.Server, r.Version)
}

// sideBySide has the detectors go over the block, on as many goroutines as there are processors: each takes the next
// detector that none has taken. Detectors know nothing of each other, so the order does not matter.
func (e *Engine) sideBySide(flows []Flow) {
	var next atomic.Int32
	var failed atomic.Pointer[string]
	windows := e.windows.waiting()[:e.block.windows]
	work := func() {
		defer func() {
			if p := recover(); p != nil {
				failed.Store(new(fmt.Sprintf("%v\n%s", p, debug.Stack())))
			}
		}()
		for i := next.Add(1); int(i) <= len(e.detectors); i = next.Add(1) {
			if r := e.detectors[i-1]; r.scores == nil {
				r.judge(&e.block, flows, windows)
			}
		}
	}
	var others sync.WaitGroup
	if e.block.flows+e.block.windows >= groupSize || len(e.block.batches) > 0 { // else it is not worth the while
		for range min(runtime.GOMAXPROCS(0), len(e.detectors)) - 1 {
			others.Go(work)
		}
	}
	work()
	others.Wait()
	if text := failed.Load(); text != nil {
		panic(*text)
	}
}

// endSecond ends the i-th second of the block: those that watch scores are told them, and close these batches, then alerts
// are handed on.
func (e *Engine) endSecond(i int, batches []Batch) {
	for _, watcher := range e.detectors {
		if watcher.scores == nil {
			continue
		}
		for _, r := range e.detectors {
			if r.scores == nil && len(r.saidIn(i)) > 0 {
				watcher.scores.Scores(r.saidIn(i), watcher)
			}
		}
		watcher.closeBatches(batches)
		watcher.mark()
	}
	for _, r := range e.detectors {
		raised := r.raisedIn(i)
		for k := range raised {
			r.pass(&raised[k])
		}
		r.count.Raised, r.count.Capped = r.count.Raised+r.beyond, r.count.Capped+r.beyond
		r.alerts, r.beyond = 0, 0
	}
	e.handOn()
}

// pass looks at an alert, and keeps it where it is to be written.
func (r *running) pass(a *Alert) {
	r.count.Raised++
	switch {
	case !r.engine.standing.pass(a, r.index):
		r.count.Repeated++
	case r.alerts == maxAlerts:
		r.count.Capped++
	default:
		r.alerts++
		r.count.Written++
		r.count.Severities.add(a.Severity)
		r.engine.pending = append(r.engine.pending, pendingAlert{*a, r.index})
	}
}

// handOn hands the pending alerts to the sink, in the order of their times, then of their detectors.
func (e *Engine) handOn() {
	if len(e.pending) == 0 {
		return
	}
	slices.SortStableFunc(e.pending, func(a, b pendingAlert) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.detector, b.detector))
	})
	e.ready = e.ready[:0]
	for i := range e.pending {
		for _, r := range e.detectors {
			if r.scores != nil {
				r.scores.Annotate(&e.pending[i].Alert)
			}
		}
		e.ready = append(e.ready, e.pending[i].Alert)
	}
	clear(e.pending) // they hold strings
	e.pending = e.pending[:0]
	if err := e.sink.Alerts(e.ready); err != nil && e.err == nil {
		e.err = err
	}
}
