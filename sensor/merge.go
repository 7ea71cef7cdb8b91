package sensor

import (
	"context"
	"math"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// merge writes the shards' records and windows to the sinks, each in their order. It takes results until there are no
// more, also after a sink failed, so that the shards can finish; it returns the sink's error.
func merge(results <-chan result, shards int, sink sinks, opt Options, stop context.CancelCauseFunc) error {
	flows := newMerger(shards, (*flowtable.Record).Moment, labelled(opt.LabelFlows, sink.flows.Flows))
	var windows *merger[features.Window]
	if sink.windows != nil {
		windows = newMerger(shards, windowMoment, labelled(opt.LabelWindows, sink.windows.Windows))
	}
	var err error
	for r := range results {
		if err == nil {
			err = flows.take(r.shard.id, r.flows)
		}
		if err == nil && windows != nil {
			err = windows.take(r.shard.id, r.windows)
		}
		if opt.Tick != nil && err == nil {
			clock := flows.settled()
			if windows != nil {
				clock = min(clock, windows.settled())
			}
			if clock <= flowtable.MaxClock { // else the input has ended
				opt.Tick(clock)
			}
		}
		if err == nil && opt.Prompt && len(results) == 0 {
			err = sink.flush()
		}
		if err != nil {
			stop(err)
		}
		giveBack(r.shard.spareFlows, r.flows.records)
		giveBack(r.shard.spareWindows, r.windows.records)
	}
	return err
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
