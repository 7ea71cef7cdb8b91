package detect

import (
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// AlertSink takes alerts in their final order, which are borrowed until it returns.
type AlertSink interface {
	Alerts(alerts []Alert) error
}

// Engine runs detectors. One goroutine uses it: it calls Flows (or Judge) and Windows with what came, each in the order of
// their times, then Advance to say how far both have come, Flush where nobody should wait for more, End once the end of the
// input is known, and Close at the end. Within these calls the detectors go over what came side by side, each on one
// goroutine; between them none is at work.
type Engine struct {
	detectors []*running
	sink      AlertSink
	local     packet.Networks
	standing  *suppressor
	seed      uint64

	records queue[flowtable.Record] // not yet judged
	flows   queue[Flow]             // of these, likewise; Record is set when they are given to the detectors
	windows queue[features.Window]
	block   block        // of these, the first: what the detectors are given next
	batches []*openBatch // the shortest first
	clock   int64        // packet time of what was taken into a block last
	second  int64        // end of the second at hand; noTime: there is none
	until   int64        // packet time at the end of the input
	ended   bool         // nothing more comes
	scored  bool         // somebody watches scores

	pending []pendingAlert // of one second
	ready   []Alert        // scratch
	counts  Counters
	err     error
}

type pendingAlert struct {
	Alert
	detector int
}

// Within a second of packet time, so many alerts of a detector are handed on, so many are looked at, and so many of its
// scores.
const (
	maxAlerts = 4096
	maxRaised = 1 << 16
	maxScores = 1 << 16
)

const (
	second = int64(time.Second)
	noTime = math.MinInt64
)

// NewEngine returns an engine of the detectors, in their order; cfg must be valid. Alerts go to sink.
func NewEngine(cfg Config, detectors []Detector, sink AlertSink) *Engine {
	e := &Engine{sink: sink, local: packet.NewNetworks(cfg.LocalNetworks), standing: newSuppressor(cfg),
		seed: maphash.Comparable(maphash.MakeSeed(), 0), clock: noTime, second: noTime, until: noTime}
	for i, d := range detectors {
		r := newRunning(e, i, d)
		e.scored = e.scored || r.scores != nil
		e.detectors = append(e.detectors, r)
	}
	e.batches = schedule(e.detectors)
	return e
}

// Flows takes flow records in their order. They are copied.
func (e *Engine) Flows(records []flowtable.Record) {
	e.records.push(records...)
	for i := range records {
		at := records[i].Written
		if at > flowtable.MaxClock { // the end of the input ended it
			at = e.until
		}
		e.flows.push(Flow{Time: at})
	}
}

// Judge takes flows from elsewhere, of which Record, Time and Missing are set, in the order of their times. They are
// copied.
func (e *Engine) Judge(flows []Flow) {
	for i := range flows {
		e.records.push(*flows[i].Record)
		e.flows.push(Flow{Time: flows[i].Time, Missing: flows[i].Missing})
	}
}

// Detectors returns the detectors in their order. The caller owns the slice.
func (e *Engine) Detectors() []Detector {
	var all []Detector
	for _, r := range e.detectors {
		all = append(all, r.Detector)
	}
	return all
}

// WatchesWindows says whether a detector is given windows.
func (e *Engine) WatchesWindows() bool {
	return slices.ContainsFunc(e.detectors, func(r *running) bool { return r.windows != nil })
}

// Windows takes windows in their order. They are copied.
func (e *Engine) Windows(windows []features.Window) {
	if e.WatchesWindows() {
		e.windows.push(windows...)
	}
}

// End says that the input ended at clock: the time of flows and windows that are written for that reason.
func (e *Engine) End(clock int64) { e.until = clock }

// Advance says that nothing from before clock will come any more: what came before it can be judged, the seconds and batches
// that ended by it can be closed. That is done once enough has come, with Flush, or with Close. A clock after
// flowtable.MaxClock is the end of the input, of which more may come. It returns the sink's error, which ends all.
func (e *Engine) Advance(clock int64) error {
	if clock > flowtable.MaxClock {
		e.judge(e.until+1, false)
		return e.err
	}
	e.judge(clock, true)
	e.reach(clock)
	return e.err
}

// Flush judges all that can be judged. It returns the sink's error.
func (e *Engine) Flush() error {
	e.judgeBlock()
	return e.err
}

// Close judges what is left and closes all batches. It returns the sink's error.
func (e *Engine) Close() error {
	e.judge(math.MaxInt64, true)
	if e.until == noTime {
		e.until = e.clock
	}
	e.judgeBlock() // these were in time
	e.ended = true
	e.reach(math.MaxInt64)
	e.judgeBlock()
	return e.err
}

// judge hands what came before clock to the detectors, in the order of time. Without windowsToo, those
// of the end of the input are left out: they come after the flows of that time, of which there may be more.
func (e *Engine) judge(clock int64, windowsToo bool) {
	for e.err == nil {
		if e.block.full() {
			e.judgeBlock()
		}
		at, isFlow := int64(math.MaxInt64), false
		if flow := e.flow(); flow != nil {
			at, isFlow = flow.Time, true
		}
		window := e.window()
		if window != nil && e.windowTime(window) < at {
			at, isFlow = e.windowTime(window), false
		}
		at = max(at, e.clock)
		switch {
		case at >= clock || !isFlow && !windowsToo && at >= e.until:
			return
		case isFlow:
			e.reach(at)
			e.takeFlows(clock)
		default:
			e.reach(at)
			e.begin(at)
			e.block.takeWindow()
		}
	}
}

// flow returns the first flow that is in no block, nil where there is none.
func (e *Engine) flow() *Flow { return e.flows.at(e.block.flows) }

// window returns the first window that is in no block, nil where there is none.
func (e *Engine) window() *features.Window { return e.windows.at(e.block.windows) }

// windowTime is the packet time that a window belongs to.
func (e *Engine) windowTime(w *features.Window) int64 {
	if w.Written > flowtable.MaxClock {
		return e.until
	}
	return w.Written
}

// reach ends the seconds and batches that end by t.
func (e *Engine) reach(t int64) {
	for e.err == nil {
		due := e.due()
		if due > t || due == math.MaxInt64 {
			return
		}
		e.second = noTime
		for _, b := range e.batches {
			if b.end != noTime && b.end <= due {
				e.block.batches = append(e.block.batches, b.close(e.ended, e.until))
			}
		}
		e.block.end(true)
		if e.block.full() {
			e.judgeBlock()
		}
	}
}

// due returns when the second at hand ends or, where there is none, the earliest open batch; MaxInt64: nothing is open.
func (e *Engine) due() int64 {
	if e.second != noTime {
		return e.second
	}
	due := int64(math.MaxInt64)
	for _, b := range e.batches {
		if b.end != noTime {
			due = min(due, b.end)
		}
	}
	return due
}

// begin begins the second of t, in which there is a record, and the batches.
func (e *Engine) begin(t int64) {
	e.clock = t
	if e.second != noTime {
		return
	}
	e.second = floor(t, second) + second
	for _, b := range e.batches {
		if b.end == noTime {
			b.end = floor(t, int64(b.every)) + int64(b.every)
		}
	}
}

// floor returns the largest multiple of d that is not above t.
func floor(t, d int64) int64 {
	n := t / d
	if t%d < 0 {
		n--
	}
	return n * d
}

// takeFlows takes flows into the block: those that come before clock, the next window and the end of the second.
func (e *Engine) takeFlows(clock int64) {
	e.begin(max(e.flow().Time, e.clock))
	limit := min(clock, e.second)
	if w := e.window(); w != nil {
		limit = min(limit, e.windowTime(w)+1) // flows come before windows of the same time
	}
	// The first one is due in any case, also where it and the window are late and have the time of what came before.
	for w, n := e.flow(), 0; w != nil && (n == 0 || max(w.Time, e.clock) < limit) && !e.block.full(); w, n = e.flow(), n+1 {
		e.clock = max(w.Time, e.clock)
		w.Time = e.clock
		e.block.takeFlow()
	}
}
