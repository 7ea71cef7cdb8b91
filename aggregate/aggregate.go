package aggregate

import (
	"math"

	"github.com/weir-sensor/weir/flowtable"
)

// Sink takes rows, which are borrowed until it returns.
type Sink interface {
	Tuples(rows []Tuple) error
	Steps(rows []Step) error
}

// Aggregator sums flow records up. One goroutine uses it: Flows with the records in their order, then Close. Rows are handed
// to the sink when their span or step ends, those of a span in the order of their first records, those of a step, too. A
// table that is full hands a row on early: what comes later for the same key is another row, so the sums over all rows
// stay right.
type Aggregator struct {
	cfg    Config
	sink   Sink
	clock  int64 // packet time of the latest record
	counts Counts

	tuples    *Tuples[struct{}]
	spanStart int64
	spanEnd   int64   // none: no record came yet
	rows      []Tuple // that are to be handed on

	steps *Steps[struct{}]
	ended []Step // that are to be handed on

	err error
}

// Counts say what became of the records.
type Counts struct {
	Records, Tuples, Steps  uint64 // records, rows of either table
	EarlyTuples, EarlySteps uint64 // rows that were handed on because the table was full
	Ports                   uint64 // ports that were forgotten because the table was full
}

const none = math.MinInt64

// rowGroup is how many rows are handed on at once.
const rowGroup = 256

// New returns an aggregator; cfg must be valid.
func New(cfg Config, sink Sink) *Aggregator {
	a := &Aggregator{cfg: cfg, sink: sink, clock: none, spanEnd: none}
	a.tuples = NewTuples(cfg.MaxTuples, a.addTuple)
	a.steps = NewSteps(cfg, a.addStep)
	return a
}

// Counts returns what was counted so far.
func (a *Aggregator) Counts() Counts {
	c := a.counts
	pairs, serverPorts, clientPorts := a.steps.Counts()
	c.EarlyTuples, c.EarlySteps, c.Ports = a.tuples.Count().Evicted, pairs.Evicted, serverPorts.Evicted+clientPorts.Evicted
	return c
}

// Flows takes records in their order. It returns the sink's error, which ends all.
func (a *Aggregator) Flows(records []flowtable.Record) error {
	for i := range records {
		if a.err != nil {
			break
		}
		a.add(&records[i])
	}
	return a.err
}

func (a *Aggregator) add(r *flowtable.Record) {
	at := r.Written
	if at > flowtable.MaxClock { // the end of the input ended it
		at = r.End
	}
	a.clock = max(a.clock, at)
	if a.cfg.Span != 0 && a.clock >= a.spanEnd {
		a.endSpan()
		a.spanStart, a.spanEnd = around(a.clock, int64(a.cfg.Span))
	}
	a.counts.Records++
	a.tuples.Add(r)
	a.steps.Reach(a.clock)
	if len(a.ended) > 0 && a.ended[0].Start < a.steps.start { // no more of that step
		a.flushSteps()
	}
	a.steps.Add(r, a.clock)
}

// around returns the stretch of length d, aligned to the epoch, that t is in.
func around(t, d int64) (start, end int64) {
	start = t - t%d
	if start > t {
		start -= d
	}
	return start, start + d
}

// endSpan hands on the rows of the span.
func (a *Aggregator) endSpan() {
	a.tuples.End()
	if len(a.rows) > 0 {
		a.flushTuples()
	}
}

func (a *Aggregator) addTuple(t Tuple, _ *struct{}) {
	t.SpanStart, t.HasSpan, t.Written = a.spanStart, a.cfg.Span != 0, a.clock
	a.rows = append(a.rows, t)
	if len(a.rows) == rowGroup {
		a.flushTuples()
	}
}

func (a *Aggregator) flushTuples() {
	a.counts.Tuples += uint64(len(a.rows))
	if a.err == nil {
		a.err = a.sink.Tuples(a.rows)
	}
	a.rows = a.rows[:0]
}

func (a *Aggregator) addStep(s Step, _ *struct{}) {
	a.ended = append(a.ended, s)
	if len(a.ended) == rowGroup {
		a.flushSteps()
	}
}

func (a *Aggregator) flushSteps() {
	a.counts.Steps += uint64(len(a.ended))
	if a.err == nil {
		a.err = a.sink.Steps(a.ended)
	}
	a.ended = a.ended[:0]
}

// Close hands on the rows that are left. It returns the sink's error.
func (a *Aggregator) Close() error {
	a.endSpan()
	a.steps.End()
	if len(a.ended) > 0 {
		a.flushSteps()
	}
	return a.err
}
