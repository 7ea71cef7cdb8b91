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
			giveBack(r.shard.spareFlows, r.flows.records)
			giveBack(r.shard.spareWindows, r.windows.records)
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
	if err := m.flows.take(r.shard.id, r.flows); err != nil {
		return err
	}
	clock := m.flows.settled()
	if m.windows != nil {
		if err := m.windows.take(r.shard.id, r.windows); err != nil {
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
	records []T                // waiting, from next on
	heads   []flowtable.Moment // of records
	next    int
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

// take adds what a shard has handed out, and writes what nothing can come before any more.
func (m *merger[T]) take(shard int, p portion[T]) error {
	s := &m.streams[shard]
	s.settled, s.done = p.settled, p.last
	if len(m.streams) == 1 { // nothing to wait for
		if len(p.records) == 0 {
			return nil
		}
		return m.write(p.records)
	}
	if s.next > 0 {
		s.records = s.records[:copy(s.records, s.records[s.next:])]
		s.heads = s.heads[:copy(s.heads, s.heads[s.next:])]
		s.next = 0
	}
	s.records = append(s.records, p.records...)
	for i := range p.records {
		s.heads = append(s.heads, m.moment(&p.records[i]))
	}
	m.out = m.out[:0]
	for {
		first := m.first()
		if first == nil {
			break
		}
		m.out = append(m.out, first.records[first.next])
		first.next++
	}
	if len(m.out) == 0 {
		return nil
	}
	return m.write(m.out)
}

// settled returns the time before which everything is written.
func (m *merger[T]) settled() int64 {
	clock := int64(math.MaxInt64)
	for i := range m.streams {
		s := &m.streams[i]
		if s.next < len(s.records) {
			clock = min(clock, s.heads[s.next].Time)
		} else if !s.done {
			clock = min(clock, s.settled.Time)
		}
	}
	return clock
}

// waiting returns how many records are held.
func (m *merger[T]) waiting() (n int) {
	for i := range m.streams {
		n += len(m.streams[i].records) - m.streams[i].next
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

// first returns the stream with the next record, or nil where a shard may still have one before it.
func (m *merger[T]) first() (first *stream[T]) {
	var head flowtable.Moment
	for i := range m.streams {
		s := &m.streams[i]
		if s.next < len(s.records) && (first == nil || s.heads[s.next].Before(head)) {
			head, first = s.heads[s.next], s
		}
	}
	if first == nil {
		return nil
	}
	for i := range m.streams {
		s := &m.streams[i]
		if s.next == len(s.records) && !s.done && !head.Before(s.settled) {
			return nil
		}
	}
	return first
}
