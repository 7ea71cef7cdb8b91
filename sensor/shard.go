package sensor

import (
	"errors"
	"fmt"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// shard decodes the packets of its host pairs and keeps their flows, on one goroutine.
type shard struct {
	id      int
	opt     Options
	reader  *reader
	results chan<- result
	table   *flowtable.Table
	filters map[uint16]Matcher
	counts  counts
	err     error
	broken  bool // it panicked: its part of the ledger is not right
	group   [decodeGroup]flowtable.Input
	spare   chan []flowtable.Record // emptied by the merger
}

// decodeGroup is how many packets are decoded before they are counted: few enough for the first-level cache.
const decodeGroup = 64

// drainGroup is how many records go out at a time at the end.
const drainGroup = 1024

// result is what a shard tells the merger: records in order, and up to what moment there will be no others. The
// records are the merger's until it gives them back.
type result struct {
	shard   *shard
	records []flowtable.Record
	settled flowtable.Moment
	last    bool
}

func newShard(id, shards int, opt Options, r *reader, results chan<- result) *shard {
	return &shard{
		id: id, opt: opt, reader: r, results: results,
		table:   flowtable.NewTable(opt.Flow, shards, newSeed()),
		filters: make(map[uint16]Matcher),
		spare:   make(chan []flowtable.Record, 2),
	}
}

// run processes batches until there are no more, then ends all flows. It calls stop when an error makes going on
// pointless.
func (s *shard) run(stop func(error)) {
	var settled flowtable.Moment
	for b := range s.reader.full[s.id] {
		s.batch(b)
		if s.err != nil {
			stop(s.err)
		}
		clock, next := b.clock, b.ordinal+uint64(len(b.Frames))
		s.reader.done(b)
		records := s.table.Advance(clock, next, s.buffer())
		if len(records) > 0 || s.table.Settled() != settled {
			settled = s.table.Settled()
			s.results <- result{shard: s, records: records, settled: settled}
		} else {
			s.giveBack(records)
		}
	}
	s.table.Shutdown(s.reader.clock)
	for more := true; more; {
		var records []flowtable.Record
		records, more = s.table.Drain(s.buffer(), drainGroup)
		if len(records) > 0 {
			settled = records[len(records)-1].Moment()
		}
		s.results <- result{shard: s, records: records, settled: settled, last: !more}
	}
}

// rescue turns a panic of run into an error that stops the whole run, and lets the others finish.
func (s *shard) rescue(stop func(error)) {
	p := recover()
	if p == nil {
		return
	}
	s.broken = true
	stop(fmt.Errorf("bug: shard %d: %v", s.id, p))
	for b := range s.reader.full[s.id] {
		s.reader.done(b)
	}
	s.results <- result{shard: s, last: true}
}

func (s *shard) buffer() []flowtable.Record {
	select {
	case records := <-s.spare:
		return records[:0]
	default:
		return nil
	}
}

func (s *shard) giveBack(records []flowtable.Record) {
	select {
	case s.spare <- records:
	default:
	}
}

// batch decodes and counts the shard's frames of a batch.
func (s *shard) batch(b *batch) {
	frames := b.shards[s.id]
	s.counts.packets += uint64(len(frames))
	n := 0
	for _, i := range frames {
		f := &b.Frames[i]
		in := &s.group[n]
		in.Clock, in.Ordinal = b.clocks[i], b.ordinal+uint64(i)
		if !s.decode(in, f, b.Bytes(int(i))) {
			continue
		}
		if n++; n == decodeGroup {
			s.table.Add(s.group[:n])
			n = 0
		}
	}
	s.table.Add(s.group[:n])
}

// decode fills in and says whether the packet counts in a flow.
func (s *shard) decode(in *flowtable.Input, f *capture.Frame, frame []byte) bool {
	s.counts.wireBytes += uint64(f.Wire)
	if s.opt.Compile != nil && !s.match(f, frame) {
		s.counts.filtered++
		return false
	}
	v := packet.Decode(&in.Packet, f.Link, frame, f.Wire, s.opt.Decode)
	s.counts.verdicts[v]++
	if v != packet.OK {
		if v == packet.UnknownLink {
			s.counts.unknownLink(f.Link)
		}
		return false
	}
	in.Time, in.Wire = f.Time, f.Wire
	if in.Time < in.Clock {
		s.counts.late++
	}
	if in.Flags&(packet.BadIPChecksum|packet.BadChecksum) != 0 {
		if in.Flags&packet.BadIPChecksum != 0 {
			s.counts.badIP++
		}
		if in.Flags&packet.BadChecksum != 0 {
			s.counts.badSum++
		}
	}
	return true
}

// match applies the filter. Where it does not compile for a link type, such frames do not pass and the run fails.
func (s *shard) match(f *capture.Frame, frame []byte) bool {
	m, ok := s.filters[f.Link]
	if !ok {
		var err error
		if m, err = s.opt.Compile(f.Link); err != nil {
			m = nil
			s.err = errors.Join(s.err, fmt.Errorf("compile filter for link type %d: %w", f.Link, err))
		}
		s.filters[f.Link] = m
	}
	return m != nil && m.Match(frame, f.Wire)
}
