package aggregate

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Sink takes rows, which are borrowed until it returns.
type Sink interface {
	Tuples(rows []Tuple) error
	Steps(rows []Step) error
}

// Aggregator sums flow records up. One goroutine uses it: Flows with the records in their order, then Close. Rows are handed
// to the sink when their span or step ends, those of a span in the order of their first records, those of a step, too. A
// table that is full hands its least recently used row on early: what comes later for the same key is another row, so the
// sums over all rows stay right.
type Aggregator struct {
	cfg    Config
	sink   Sink
	seed   maphash.Seed
	clock  int64 // packet time of the latest record
	counts Counts

	tuples    *detect.Table[TupleKey, TupleSums]
	spanStart int64
	spanEnd   int64 // none: no record came yet
	places    uint64
	rows      []Tuple // that are to be handed on

	pairs       *detect.Table[PairKey, StepSums]
	serverPorts *detect.Table[portKey, port]     // as long as they are known
	clientPorts *detect.Table[portKey, struct{}] // of this step
	stepStart   int64
	stepEnd     int64
	steps       []Step // that are to be handed on

	err error
}

// Counts say what became of the records.
type Counts struct {
	Records, Tuples, Steps  uint64 // records, rows of either table
	EarlyTuples, EarlySteps uint64 // rows that were handed on because the table was full
	Ports                   uint64 // ports that were forgotten because the table was full
}

type portKey struct {
	client, server packet.Addr
	port           uint16
	proto, version uint8
}

// port says when a pair last used a port, ns, and has the hash of its key.
type port struct {
	at   int64
	hash uint64
}

const none = math.MinInt64

// rowGroup is how many rows are handed on at once.
const rowGroup = 256

// New returns an aggregator; cfg must be valid.
func New(cfg Config, sink Sink) *Aggregator {
	a := &Aggregator{cfg: cfg, sink: sink, seed: maphash.MakeSeed(), clock: none, spanEnd: none, stepEnd: none,
		tuples:      detect.NewTable[TupleKey, TupleSums](cfg.MaxTuples),
		pairs:       detect.NewTable[PairKey, StepSums](cfg.MaxPairs),
		serverPorts: detect.NewTable[portKey, port](cfg.MaxPorts),
		clientPorts: detect.NewTable[portKey, struct{}](cfg.MaxPorts),
	}
	a.tuples.Forget = func(key TupleKey, s *TupleSums) {
		a.counts.EarlyTuples++
		a.addTuple(key, s)
	}
	a.pairs.Forget = func(key PairKey, s *StepSums) {
		a.counts.EarlySteps++
		a.addStep(key, s)
	}
	return a
}

// Counts returns what was counted so far.
func (a *Aggregator) Counts() Counts {
	c := a.counts
	c.Ports = a.serverPorts.Evicted() + a.clientPorts.Evicted()
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
	a.reach()
	a.counts.Records++
	a.addToTuple(r)
	a.addToStep(r)
}

// reach ends the span and the step that end by the clock, and begins others.
func (a *Aggregator) reach() {
	if a.cfg.Span != 0 && a.clock >= a.spanEnd {
		a.endSpan()
		a.spanStart, a.spanEnd = around(a.clock, int64(a.cfg.Span))
	}
	if a.clock >= a.stepEnd {
		a.endStep()
		a.stepStart, a.stepEnd = around(a.clock, int64(a.cfg.Step))
	}
}

// around returns the stretch of length d, aligned to the epoch, that t is in.
func around(t, d int64) (start, end int64) {
	start = t - t%d
	if start > t {
		start -= d
	}
	return start, start + d
}

func (a *Aggregator) addToTuple(r *flowtable.Record) {
	key := TupleKey{Client: r.Client, Server: r.Server, Proto: r.Proto, Version: r.Version}
	if hasPorts(r.Proto) {
		key.ClientPort, key.ServerPort = r.ClientPort, r.ServerPort
	}
	t, fresh := a.tuples.Put(key, maphash.Comparable(a.seed, key))
	if fresh {
		*t = TupleSums{First: r.Start, Last: r.End, FirstState: r.State, place: a.places}
		a.places++
	}
	t.Entries++
	t.First, t.Last = min(t.First, r.Start), max(t.Last, r.End)
	t.Time += r.End - r.Start
	t.Bytes[flowtable.Up] += r.Bytes[flowtable.Up]
	t.Bytes[flowtable.Down] += r.Bytes[flowtable.Down]
	t.States[r.State]++
	t.LastState = r.State
}

func hasPorts(proto uint8) bool {
	return proto == packet.ProtoTCP || proto == packet.ProtoUDP || proto == packet.ProtoSCTP
}

func (a *Aggregator) addToStep(r *flowtable.Record) {
	key := PairKey{r.Client, r.Server, r.Version}
	hash := maphash.Comparable(a.seed, key)
	s := a.pairs.Get(key, hash)
	if s == nil { // used once: the rows stay in the order of their first records
		s, _ = a.pairs.Put(key, hash)
	}
	s.Flows++
	s.Bytes[flowtable.Up] += r.Bytes[flowtable.Up]
	s.Bytes[flowtable.Down] += r.Bytes[flowtable.Down]
	if hasPorts(r.Proto) {
		a.usePorts(s, r, hash)
	}
	if r.Part != 0 {
		return
	}
	s.Connections++
	switch r.Proto {
	case packet.ProtoTCP:
		s.TCP++
	case packet.ProtoUDP:
		s.UDP++
	}
}

func (a *Aggregator) usePorts(s *StepSums, r *flowtable.Record, hash uint64) {
	key := portKey{r.Client, r.Server, r.ClientPort, r.Proto, r.Version}
	if _, fresh := a.clientPorts.Put(key, detect.Mix(hash, uint64(r.Proto)<<16|uint64(key.port))); fresh {
		s.ClientPorts++
	}
	key.port = r.ServerPort
	hash = detect.Mix(hash, uint64(r.Proto)<<16|uint64(key.port))
	p, fresh := a.serverPorts.Put(key, hash)
	before := p.at
	*p = port{a.clock, hash}
	if !fresh && before >= a.stepStart {
		return
	}
	s.ServerPorts++
	if fresh || a.stepStart-before >= int64(a.cfg.Expiry) {
		s.NewServerPorts++
	}
}

// endSpan hands on the rows of the span.
func (a *Aggregator) endSpan() {
	type entry struct {
		key  TupleKey
		sums *TupleSums
	}
	all := make([]entry, 0, a.tuples.Len())
	for key, t := range a.tuples.All() {
		all = append(all, entry{key, t})
	}
	slices.SortFunc(all, func(x, y entry) int { return cmp.Compare(x.sums.place, y.sums.place) })
	for _, e := range all {
		a.addTuple(e.key, e.sums)
	}
	if len(a.rows) > 0 {
		a.flushTuples()
	}
	a.tuples.Clear()
}

func (a *Aggregator) addTuple(key TupleKey, s *TupleSums) {
	a.rows = append(a.rows, Tuple{key, *s, a.spanStart, a.cfg.Span != 0, a.clock})
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

// endStep hands on the rows of the step, and forgets the ports that are new again.
func (a *Aggregator) endStep() {
	for key, s := range a.pairs.All() {
		a.addStep(key, s)
	}
	if len(a.steps) > 0 {
		a.flushSteps()
	}
	a.pairs.Clear()
	a.clientPorts.Clear()
	for {
		key, p, ok := a.serverPorts.Oldest()
		if !ok || a.clock-p.at < int64(a.cfg.Expiry)+int64(a.cfg.Step) {
			return
		}
		a.serverPorts.Delete(key, p.hash)
	}
}

func (a *Aggregator) addStep(key PairKey, s *StepSums) {
	a.steps = append(a.steps, Step{key, *s, a.stepStart, a.clock})
	if len(a.steps) == rowGroup {
		a.flushSteps()
	}
}

func (a *Aggregator) flushSteps() {
	a.counts.Steps += uint64(len(a.steps))
	if a.err == nil {
		a.err = a.sink.Steps(a.steps)
	}
	a.steps = a.steps[:0]
}

// Close hands on the rows that are left. It returns the sink's error.
func (a *Aggregator) Close() error {
	a.endSpan()
	a.endStep()
	return a.err
}
