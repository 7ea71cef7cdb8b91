package sensor

import (
	"math"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// merge writes the shards' records and windows to the sinks, each in their order, and has them judged. It takes results until there are no
// more, also after a sink failed, so that the shards can finish; it returns the sink's error.
func (p *pipeline) merge(sink sinks) (err error) {
	m := &merging{opt: p.opt, sink: sink, live: p.live}
	m.flows = newMerger(len(p.shards), (*flowtable.Record).Moment, labelled(p.opt.LabelFlows, m.writeFlows))
	if p.opt.wantsWindows() {
		m.windows = newMerger(len(p.shards), windowMoment, labelled(p.opt.LabelWindows, m.writeWindows))
	}
	turns := turns{p.shards, make([]int, len(p.shards)), p.limit}
	stopping := p.ctx.Done()
	for {
		select {
		case r, ok := <-p.results:
			if !ok {
				return m.end(err)
			}
			if err == nil {
				err = m.take(&r, len(p.results) == 0)
			}
			if err != nil {
				p.cancel(err)
			}
			turns.took(&r)
		case ask := <-p.asks:
			ask()
		case <-stopping: // a shard that has ended waits for the others' end
			stopping, turns.limit = nil, 0
		}
		turns.give(m.waiting(), m.behind())
	}
}

// merging is what a run writes.
type merging struct {
	opt     Options
	sink    sinks
	live    bool // nobody should wait for more to come
	flows   *merger[flowtable.Record]
	windows *merger[features.Window] // nil: there are none
}

// take writes what a shard has handed out, and what waited for it. quiet says that there is nothing more at hand.
func (m *merging) take(r *result, quiet bool) error {
	if m.opt.Detect != nil && r.ended {
		m.opt.Detect.End(r.until)
	}
	if err := m.flows.take(r.shard.id, r.flows, r.shard.spareFlows); err != nil {
		return err
	}
	clock := m.flows.settled()
	if m.windows != nil {
		if err := m.windows.take(r.shard.id, r.windows, r.shard.spareWindows); err != nil {
			return err
		}
		clock = min(clock, m.windows.settled())
	}
	if m.opt.Detect != nil {
		if err := m.opt.Detect.Advance(clock); err != nil {
			return err
		}
	}
	if m.opt.Tick != nil && clock <= flowtable.MaxClock { // else the input has ended
		m.opt.Tick(clock)
	}
	if quiet && m.opt.Detect != nil && (m.live || m.opt.Prompt) {
		if err := m.opt.Detect.Flush(); err != nil {
			return err
		}
	}
	if quiet && m.opt.Prompt {
		return m.sink.flush()
	}
	return nil
}

// end has the last records judged, unless something failed.
func (m *merging) end(err error) error {
	if m.opt.Detect == nil || err != nil {
		return err
	}
	return m.opt.Detect.Close()
}

func (m *merging) writeFlows(records []flowtable.Record) error {
	if m.opt.Detect != nil {
		m.opt.Detect.Flows(records)
	}
	return m.sink.flows.Flows(records)
}

func (m *merging) writeWindows(windows []features.Window) error {
	if m.opt.Detect != nil {
		m.opt.Detect.Windows(windows)
	}
	if m.sink.windows == nil {
		return nil
	}
	return m.sink.windows.Windows(windows)
}

// waiting returns how many records and windows wait for those of another shard.
func (m *merging) waiting() int {
	n := m.flows.waiting()
	if m.windows != nil {
		n += m.windows.waiting()
	}
	return n
}

// behind returns the shard that all others wait for.
func (m *merging) behind() int {
	shard, first := m.flows.behind()
	if m.windows != nil {
		if s, at := m.windows.behind(); at.Before(first) {
			return s
		}
	}
	return shard
}

// labelled returns write with label before it.
func labelled[T any](label func([]T), write func([]T) error) func([]T) error {
	if label == nil {
		return write
	}
	return func(records []T) error {
		label(records)
		return write(records)
	}
}

func windowMoment(w *features.Window) flowtable.Moment {
	return flowtable.Moment{Time: w.Written, Order: w.Ordinal}
}

// merger holds what each shard has handed out and others may still come before.
type merger[T any] struct {
	moment  func(*T) flowtable.Moment
	write   func([]T) error
	streams []stream[T]
	out     []T
}

// stream is one shard's records, in order.
type stream[T any] struct {
	held    [][]T            // those that wait, none of them empty
	next    int              // of the first of held: the first that waits
	waiting int              // records
	head    flowtable.Moment // of that one
	spare   chan<- []T       // where emptied ones go
	settled flowtable.Moment // no record before this will come
	done    bool
}

func newMerger[T any](shards int, moment func(*T) flowtable.Moment, write func([]T) error) *merger[T] {
	m := &merger[T]{moment: moment, write: write, streams: make([]stream[T], shards)}
	for i := range m.streams {
		m.streams[i].settled = flowtable.Moment{Time: flowtable.MinClock}
	}
	return m
}

// take adds what a shard has handed out, and writes what nothing can come before any more. The records go back to spare
// once they are written.
func (m *merger[T]) take(shard int, p portion[T], spare chan<- []T) error {
	s := &m.streams[shard]
	s.settled, s.done, s.spare = p.settled, p.last, spare
	if len(m.streams) == 1 { // nothing to wait for
		defer giveBack(spare, p.records)
		if len(p.records) == 0 {
			return nil
		}
		return m.write(p.records)
	}
	m.hold(s, p.records)
	m.out = m.out[:0]
	for first, before := m.first(); first != nil; first, before = m.first() {
		m.out = append(m.out, m.advance(first, before)...)
		m.empty(first)
	}
	if len(m.out) == 0 {
		return nil
	}
	return m.write(m.out)
}

// hold adds records to a stream.
func (m *merger[T]) hold(s *stream[T], records []T) {
	if len(records) == 0 {
		giveBack(s.spare, records)
		return
	}
	if len(s.held) == 0 {
		s.head = m.moment(&records[0])
	}
	s.held = append(s.held, records)
	s.waiting += len(records)
}

// first returns the stream with the next record, and the moment before which all its records come next; nil where a shard
// may still have one before it.
func (m *merger[T]) first() (first *stream[T], before flowtable.Moment) {
	before = endOfTime
	for i := range m.streams {
		if s := &m.streams[i]; len(s.held) > 0 && (first == nil || s.head.Before(first.head)) {
			first = s
		}
	}
	if first == nil {
		return nil, before
	}
	for i := range m.streams {
		s := &m.streams[i]
		switch {
		case s == first || len(s.held) == 0 && s.done:
		case len(s.held) > 0:
			before = earlier(before, s.head)
		case first.head.Before(s.settled):
			before = earlier(before, s.settled)
		default:
			return nil, before
		}
	}
	return first, before
}

// advance returns the stream's next record, and those after it that are before a moment.
func (m *merger[T]) advance(s *stream[T], before flowtable.Moment) []T {
	from, records := s.next, s.held[0]
	for s.next++; s.next < len(records); s.next++ {
		if s.head = m.moment(&records[s.next]); !s.head.Before(before) {
			break
		}
	}
	s.waiting -= s.next - from
	return records[from:s.next]
}

// empty gives the first that a stream holds back, where all of it was taken.
func (m *merger[T]) empty(s *stream[T]) {
	if s.next < len(s.held[0]) {
		return
	}
	giveBack(s.spare, s.held[0])
	s.held[0] = nil
	s.held, s.next = s.held[1:], 0
	if len(s.held) > 0 {
		s.head = m.moment(&s.held[0][0])
	}
}

// endOfTime is after all records.
var endOfTime = flowtable.Moment{Time: math.MaxInt64, Order: math.MaxUint64}

func earlier(a, b flowtable.Moment) flowtable.Moment {
	if b.Before(a) {
		return b
	}
	return a
}

// settled returns the time before which everything is written.
func (m *merger[T]) settled() int64 {
	clock := int64(math.MaxInt64)
	for i := range m.streams {
		s := &m.streams[i]
		if len(s.held) > 0 {
			clock = min(clock, s.head.Time)
		} else if !s.done {
			clock = min(clock, s.settled.Time)
		}
	}
	return clock
}

// waiting returns how many records are held.
func (m *merger[T]) waiting() (n int) {
	for i := range m.streams {
		n += m.streams[i].waiting
	}
	return n
}

// behind returns the shard that has settled least, and up to what moment.
func (m *merger[T]) behind() (shard int, settled flowtable.Moment) {
	settled.Time = math.MaxInt64
	for i := range m.streams {
		if s := &m.streams[i]; !s.done && s.settled.Before(settled) {
			shard, settled = i, s.settled
		}
	}
	return shard, settled
}
