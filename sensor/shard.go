package sensor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// shard decodes the packets of its host pairs and keeps their flows and windows, on one goroutine.
type shard struct {
	id      int
	opt     Options
	feed    feed
	results chan<- result
	table   *flowtable.Table
	filters map[uint16]Matcher
	counts  counts
	err     error
	broken  bool // it panicked: its part of the ledger is not right
	group   [decodeGroup]flowtable.Input
	windows *windows // nil: none are wanted

	payloads bool           // somebody looks at them
	entropy  entropyOf      // of what payloads it is wanted
	meter    *payload.Meter // for that

	asks  chan func()   // to be called between two batches
	turns chan struct{} // it takes one for each result that it hands out, see turns

	spareFlows   chan []flowtable.Record // emptied by the merger
	spareWindows chan []features.Window
}

// feed is where a shard gets its frames. One goroutine uses it.
type feed interface {
	next() (*batch, []uint32) // and which of its frames are the shard's; nil: there are no more
	done(*batch)
	latest() int64 // the input's clock, after the last batch
}

// decodeGroup is how many packets are decoded before they are counted: few enough for the first-level cache.
const decodeGroup = 64

// handOverGroup is after how many packets at least, its own or not, the merger hears of a shard, where these come without a
// pause: it wakes up for each result.
const handOverGroup = 4096

// drainGroup is how many records go out at a time at the end.
const drainGroup = 1024

// spares is how many emptied buffers of each kind a shard keeps: those of results that wait for the other shards', and of
// those on their way.
const spares = 2 * handOvers

// result is what a shard tells the merger. The records are the merger's until it gives them back.
type result struct {
	shard   *shard
	flows   portion[flowtable.Record]
	windows portion[features.Window]
	ended   bool  // the input has ended, at until
	until   int64 // packet time
}

// portion is records in order, and up to what moment there will be no others.
type portion[T any] struct {
	records []T
	settled flowtable.Moment
	last    bool
}

func newShard(id, shards int, opt Options, feed feed, results chan<- result) *shard {
	s := &shard{
		id: id, opt: opt, feed: feed, results: results,
		table:        flowtable.NewTable(opt.Flow, shards, newSeed()),
		filters:      make(map[uint16]Matcher),
		asks:         make(chan func()),
		turns:        make(chan struct{}, handOvers),
		spareFlows:   make(chan []flowtable.Record, spares),
		spareWindows: make(chan []features.Window, spares),
	}
	if opt.wantsWindows() {
		s.windows = newWindows(opt, shards)
	}
	if opt.Interest != nil {
		s.table.Spare(*opt.Interest)
	}
	for range handOvers {
		s.turns <- struct{}{}
	}
	s.payloads, s.entropy = payloadsWanted(opt)
	s.meter = payload.NewMeter()
	return s
}

// entropyOf says of what payloads the entropy is wanted.
type entropyOf uint8

const (
	entropyOfNone entropyOf = iota
	entropyOfTCP
	entropyOfAll
)

// payloadsWanted says what the flow features and windows need of payloads.
func payloadsWanted(opt Options) (captured bool, entropy entropyOf) {
	groups := opt.Flow.Groups()
	if opt.wantsWindows() && slices.Contains(opt.Windows.Groups, "entropy") {
		entropy = entropyOfTCP
	}
	if slices.Contains(groups, "entropy") {
		entropy = entropyOfAll
	}
	return entropy != entropyOfNone || slices.Contains(groups, "first_payload") || slices.Contains(groups, "first_packet"), entropy
}

// run processes batches until there are no more, then ends all flows. It calls stop when an error makes going on
// pointless.
func (s *shard) run(stop func(error)) {
	var told flowtable.Moment
	kept := 0 // packets of all shards since the latest look at what is due
	for {
		b, frames := s.feed.next()
		if b == nil {
			break
		}
		s.batch(b, frames)
		if s.err != nil {
			stop(s.err)
		}
		clock, next, whole := b.clock, b.next, len(b.Frames) == cap(b.Frames)
		kept += len(b.Frames)
		s.feed.done(b)
		select {
		case ask := <-s.asks:
			ask()
		default:
		}
		if whole && kept < handOverGroup {
			continue // there is more at hand
		}
		kept = 0
		r := result{shard: s}
		r.flows.records = s.table.Advance(clock, next, empty(s.spareFlows))
		r.flows.settled = s.table.Settled()
		if s.windows != nil {
			r.windows.records, r.windows.settled = s.windows.advance(clock, next, empty(s.spareWindows))
		}
		if len(r.flows.records) == 0 && len(r.windows.records) == 0 && r.flows.settled == told && s.windows == nil {
			giveBack(s.spareFlows, r.flows.records)
			continue
		}
		told = r.flows.settled
		s.handOver(r)
	}
	s.drain(told)
}

// handOver gives the merger a result when it is the shard's turn, and answers whoever asks until then.
func (s *shard) handOver(r result) {
	for {
		select {
		case <-s.turns:
			s.results <- r
			return
		case ask := <-s.asks:
			ask()
		}
	}
}

// drain ends all flows and windows, and hands them out some at a time.
func (s *shard) drain(settled flowtable.Moment) {
	clock := s.feed.latest()
	s.table.Shutdown(clock)
	if s.windows != nil {
		s.windows.windower.Shutdown(clock)
	}
	r := result{shard: s, ended: true, until: clock}
	r.flows.settled = settled
	r.windows.last = s.windows == nil
	for !r.flows.last || !r.windows.last {
		var more bool
		r.flows.records, more = s.table.Drain(empty(s.spareFlows), drainGroup)
		r.flows.last = !more
		if n := len(r.flows.records); n > 0 {
			r.flows.settled = r.flows.records[n-1].Moment()
		}
		if s.windows != nil {
			r.windows.records, more = s.windows.windower.Drain(empty(s.spareWindows), drainGroup)
			r.windows.last = !more
			if n := len(r.windows.records); n > 0 {
				r.windows.settled = windowMoment(&r.windows.records[n-1])
			}
		}
		<-s.turns
		s.results <- r
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
	for b, _ := s.feed.next(); b != nil; b, _ = s.feed.next() {
		s.feed.done(b)
	}
	var last result
	last.shard, last.flows.last, last.windows.last = s, true, true
	s.results <- last
}

// empty returns a buffer that the merger has given back, or none.
func empty[T any](spare chan []T) []T {
	select {
	case records := <-spare:
		return records[:0]
	default:
		return nil
	}
}

func giveBack[T any](spare chan<- []T, records []T) {
	if cap(records) == 0 {
		return
	}
	select {
	case spare <- records:
	default:
	}
}

// batch decodes and counts the frames of a batch at the given places.
func (s *shard) batch(b *batch, frames []uint32) {
	s.counts.packets += uint64(len(frames))
	n := 0
	for _, i := range frames {
		f := &b.Frames[i]
		in := &s.group[n]
		in.Clock, in.Ordinal = b.clocks[i], b.place(i)
		if !s.decode(in, f, b.Bytes(int(i))) {
			continue
		}
		if s.payloads {
			s.look(in, b.Bytes(int(i)))
		}
		if n++; n == decodeGroup {
			s.count(n)
			n = 0
		}
	}
	s.count(n)
}

// look sets what is wanted of the packet's payload.
func (s *shard) look(in *flowtable.Input, frame []byte) {
	in.Captured = frame[in.PayloadOff : in.PayloadOff+in.PayloadCap]
	in.Entropy = 0
	if s.entropy == entropyOfAll || s.entropy == entropyOfTCP && in.Proto == packet.ProtoTCP {
		in.Entropy = s.meter.Entropy(in.Captured)
	}
}

// count counts the first n packets of the group.
func (s *shard) count(n int) {
	if s.windows != nil {
		s.windows.add(s.group[:n])
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
	if f.Unsummed {
		in.Flags &^= packet.BadChecksum
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
