package flowtable

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// run puts the packets through a table in pieces whose sizes next chooses, with the clock let on after some of them,
// and returns all records. It fails on books that do not balance, on records out of order or handed out too early or
// too late, and on a broken inside of the table.
type run struct {
	table   *Table
	next    func(n int) int // a number below n
	check   func(*Table) error
	records []Record
	settled Moment
}

func newRun(cfg Config, seed uint64, next func(int) int) *run {
	return &run{
		table: NewTable(cfg, 1, [4]uint64{seed, seed * 3, seed * 5, seed * 7}),
		next:  next, check: (*Table).verify, settled: Moment{Time: MinClock},
	}
}

func (r *run) all(inputs []Input) error {
	inputs = slices.Clone(inputs)
	clock, ordinal := int64(0), uint64(0)
	for len(inputs) > 0 {
		n := min(1+r.next(40), len(inputs))
		r.table.Add(inputs[:n])
		if err := r.check(r.table); err != nil {
			return fmt.Errorf("after Add: %w", err)
		}
		clock, ordinal = inputs[n-1].Clock, inputs[n-1].Ordinal
		inputs = inputs[n:]
		if r.next(3) > 0 {
			if err := r.advance(clock, ordinal); err != nil {
				return err
			}
		}
	}
	if err := r.drain(clock); err != nil {
		return err
	}
	return r.check(r.table)
}

func (r *run) advance(clock int64, last uint64) error {
	from := len(r.records)
	r.records = r.table.Advance(clock, last+1, r.records)
	for _, rec := range r.records[from:] {
		if m := rec.Moment(); m.Before(r.settled) || !m.Before(r.table.Settled()) {
			return fmt.Errorf("record of %v came in a span settled from %v to %v", m, r.settled, r.table.Settled())
		}
	}
	r.settled = r.table.Settled()
	if !slices.IsSortedFunc(r.records, compareRecords) {
		return fmt.Errorf("records out of order after Advance(%d)", clock)
	}
	if r.settled.Time > clock && clock != 0 {
		return fmt.Errorf("settled up to %v at the clock %d", r.settled, clock)
	}
	return r.check(r.table)
}

func (r *run) drain(clock int64) error {
	r.table.Shutdown(clock)
	for more := true; more; {
		n, from := 1+r.next(10), len(r.records)
		r.records, more = r.table.Drain(r.records, n)
		if got := len(r.records) - from; got > n {
			return fmt.Errorf("Drain(%d) gave %d records", n, got)
		}
	}
	if r.table.Open() != 0 {
		return fmt.Errorf("%d flows are open after Drain", r.table.Open())
	}
	if !slices.IsSortedFunc(r.records, compareRecords) {
		return fmt.Errorf("records out of order after Drain")
	}
	if len(r.records) > 0 && r.records[0].Written < MinClock {
		return fmt.Errorf("a record was written at %d", r.records[0].Written)
	}
	return nil
}

// compareWithModel runs the scenario and returns the model's counters, and the first difference from the model.
func compareWithModel(s scenario, next func(int) int) (Counters, error) {
	m := newModel(s.cfg)
	clock := int64(0)
	for _, in := range s.inputs {
		m.add(in)
		clock = in.Clock
	}
	m.shutdown(clock)
	r := newRun(s.cfg, uint64(next(1<<30))+1, next)
	if err := r.all(s.inputs); err != nil {
		return m.counters, err
	}
	for i, want := range m.records {
		if i >= len(r.records) {
			break
		}
		if got := comparable(r.records[i]); got != comparable(want) {
			return m.counters, fmt.Errorf("record %d of %d (-model +table):\n%s", i, len(m.records), cmp.Diff(comparable(want), got))
		}
	}
	if got, want := len(r.records), len(m.records); got != want {
		return m.counters, fmt.Errorf("got %d records, want %d", got, want)
	}
	if diff := cmp.Diff(m.counters, r.table.Counters()); diff != "" {
		return m.counters, fmt.Errorf("counters (-model +table):\n%s", diff)
	}
	return m.counters, nil
}

func TestTableEqualsModelRandom(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 200
	}
	var total Counters
	for seed := range int64(rounds) {
		rnd := rand.New(rand.NewSource(seed))
		data := make([]byte, scenarioHeader+scenarioStep*(1+rnd.Intn(400)))
		rnd.Read(data)
		calm(data, rnd)
		c, err := compareWithModel(readScenario(data), rnd.Intn)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, n := range c.Written {
			total.Written[i] += n
		}
		total.Fragments += c.Fragments
		total.Orphans += c.Orphans
	}
	for reason, n := range total.Written {
		if reason != int(EndEvicted) && n < uint64(rounds) {
			t.Errorf("only %d records of the model ended with %v", n, EndReason(reason))
		}
	}
	if total.Orphans == 0 || total.Orphans == total.Fragments {
		t.Errorf("%d of %d later fragments were orphans, want some", total.Orphans, total.Fragments)
	}
	t.Logf("%+v", total)
}

// calm takes the long jumps out of a part of the scenarios, so that flows live long enough to meet.
func calm(data []byte, rnd *rand.Rand) {
	limit := [...]int{256, 256, 250, 8, 13}[rnd.Intn(5)]
	for i := scenarioHeader; i < len(data); i += scenarioStep {
		data[i] = byte(int(data[i]) % limit)
	}
}

func TestTableEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "bytes")
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		if _, err := compareWithModel(readScenario(data), rnd.Intn); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzTable(f *testing.F) {
	for seed := range int64(12) {
		rnd := rand.New(rand.NewSource(seed))
		data := make([]byte, 600)
		rnd.Read(data)
		calm(data, rnd)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sizes := data
		next := func(n int) int { // the sizes of the calls come from the bytes too
			if len(sizes) == 0 {
				return n - 1
			}
			b := int(sizes[0])
			sizes = sizes[1:]
			return b % n
		}
		s := readScenario(data)
		if _, err := compareWithModel(s, next); err != nil {
			t.Fatal(err)
		}
		s.cfg.MaxFlows = 1 + len(data)%20
		if err := newRun(s.cfg, 1, next).all(s.inputs); err != nil {
			t.Fatalf("with room for %d: %v", s.cfg.MaxFlows, err)
		}
	})
}

// TestSmallTableRandom: with room for a few flows there is no plain model, but the books must balance all the same, and
// the records must not depend on the seed or the sizes of the calls.
func TestSmallTableRandom(t *testing.T) {
	for seed := range int64(300) {
		rnd := rand.New(rand.NewSource(seed))
		data := make([]byte, scenarioHeader+scenarioStep*(1+rnd.Intn(400)))
		rnd.Read(data)
		calm(data, rnd)
		s := readScenario(data)
		s.cfg.MaxFlows = 1 + rnd.Intn(12)
		var runs [2]*run
		for i := range runs {
			runs[i] = newRun(s.cfg, uint64(i)*12345+7, rnd.Intn)
			if err := runs[i].all(s.inputs); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if i := firstDifference(runs[0].records, runs[1].records); i >= 0 {
			t.Fatalf("seed %d: record %d differs between two runs", seed, i)
		}
	}
}

// TestJumpSettles: after a jump of the clock over any time, with flows waiting and others coming, what is due is
// written and handed out within as many packets as it takes to look at the flows.
func TestJumpSettles(t *testing.T) {
	for _, jump := range []int64{second, 70 * second, day, 200 * 365 * day} {
		table := newTable(100_000)
		var out []Record
		for n := range 10_000 {
			table.Add([]Input{udp(n, 1<<20, int64(n)*1_000_000, uint64(n))})
		}
		at := 10*second + jump
		for n := range 10_000 / sweepBudget * 2 {
			table.Add([]Input{udp(20_000+n, 1<<20, at, uint64(20_000+n))})
			out = table.Advance(at, uint64(20_001+n), out)
		}
		if lag, tick := at-table.Settled().Time, int64(1)<<table.queues[2*idleUDP].shift; lag > tick {
			t.Errorf("jump %v: settled %v behind the clock, want a tick, %v", time.Duration(jump), time.Duration(lag), time.Duration(tick))
		}
		want := 0
		for n := range int64(10_000) {
			if n*1_000_000+60*second < table.Settled().Time {
				want++
			}
		}
		if len(out) != want {
			t.Errorf("jump %v: got %d records, want %d", time.Duration(jump), len(out), want)
		}
	}
}
