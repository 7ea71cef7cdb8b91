package sensor

import (
	"context"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

// merge writes the shards' records to the sink in their order. It takes results until there
// are no more, also after the sink failed, so that the shards can finish; it returns the sink's error.
func merge(results <-chan result, shards int, sink output.Sink, prompt bool, stop context.CancelCauseFunc) error {
	m := merger{streams: make([]stream, shards)}
	for i := range m.streams {
		m.streams[i].settled = flowtable.Moment{Time: flowtable.MinClock}
	}
	var err error
	for r := range results {
		if err == nil {
			if err = m.take(r, sink); err == nil && prompt && len(results) == 0 {
				err = sink.Flush()
			}
			if err != nil {
				stop(err)
			}
		}
		r.shard.giveBack(r.records)
	}
	return err
}

// merger holds what each shard has handed out and others may still come before.
type merger struct {
	streams []stream
	out     []flowtable.Record
}

// stream is one shard's records, in order.
type stream struct {
	records []flowtable.Record // waiting, from next on
	next    int
	settled flowtable.Moment // no record before this will come
	done    bool
}

func (m *merger) take(r result, sink output.Sink) error {
	s := &m.streams[r.shard.id]
	s.settled, s.done = r.settled, r.last
	if len(m.streams) == 1 { // nothing to wait for
		if len(r.records) == 0 {
			return nil
		}
		return sink.Flows(r.records)
	}
	if s.next > 0 {
		s.records = s.records[:copy(s.records, s.records[s.next:])]
		s.next = 0
	}
	s.records = append(s.records, r.records...)
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
	return sink.Flows(m.out)
}

// first returns the stream with the next record, or nil where a shard may still have one before it.
func (m *merger) first() (first *stream) {
	var head *flowtable.Record
	for i := range m.streams {
		s := &m.streams[i]
		if s.next == len(s.records) {
			continue
		}
		if r := &s.records[s.next]; head == nil || r.Moment().Before(head.Moment()) {
			head, first = r, s
		}
	}
	if head == nil {
		return nil
	}
	for i := range m.streams {
		s := &m.streams[i]
		if s.next == len(s.records) && !s.done && !head.Moment().Before(s.settled) {
			return nil
		}
	}
	return first
}
