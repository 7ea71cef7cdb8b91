package aggregate

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

type rows struct {
	tuples []Tuple
	steps  []Step
	err    error
}

func (r *rows) Tuples(t []Tuple) error {
	r.tuples = append(r.tuples, t...)
	return r.err
}

func (r *rows) Steps(s []Step) error {
	r.steps = append(r.steps, s...)
	return r.err
}

func run(t *testing.T, cfg Config, records []flowtable.Record, group int) (rows, Counts) {
	t.Helper()
	var got rows
	a := New(cfg, &got)
	for part := range slices.Chunk(records, group) {
		if err := a.Flows(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return got, a.Counts()
}

// some is records of a few hosts over an hour, with pauses.
func some(n int) []flowtable.Record {
	rng := rand.New(rand.NewPCG(8, 9))
	at := int64(1795218554e9)
	var all []flowtable.Record
	for i := range n {
		at += rng.Int64N(2e9)
		if rng.IntN(100) == 0 {
			at += rng.Int64N(900e9)
		}
		r := flowtable.Record{ID: uint64(i), Version: 4, Client: packet.Addr{Lo: 0x0a000000 + rng.Uint64N(3)}, Server: packet.Addr{Lo: 0x0a010000 + rng.Uint64N(3)},
			ClientPort: uint16(1000 + rng.IntN(3)), ServerPort: uint16(80 + rng.IntN(4)), Proto: [...]uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, 47}[rng.IntN(4)],
			Start: at - rng.Int64N(5e9), End: at, Written: at, Bytes: [2]uint64{rng.Uint64N(5000), rng.Uint64N(5000)},
			State: flowtable.State(rng.IntN(States)), Part: uint32(rng.IntN(2))}
		if i > n-20 {
			r.Written = math.MaxInt64 // the end of the input
		}
		all = append(all, r)
	}
	return all
}

// model sums up as the documentation says it, with maps.
func model(cfg Config, records []flowtable.Record) (want rows) {
	type tupleID struct {
		TupleKey
		span int64
	}
	type stepID struct {
		PairKey
		start int64
	}
	type portID struct {
		PairKey
		proto uint8
		port  uint16
	}
	tuples, steps, used := map[tupleID]int{}, map[stepID]int{}, map[portID]int64{}
	clientPorts := map[stepID]map[portID]bool{}
	clock := int64(0)
	for _, r := range records {
		at := r.Written
		if at == math.MaxInt64 {
			at = r.End
		}
		clock = max(clock, at)
		want.handOn(clock, int64(cfg.Span), int64(cfg.Step))
		key := TupleKey{r.Client, r.Server, r.ClientPort, r.ServerPort, r.Proto, r.Version}
		if r.Proto == 47 { // GRE
			key.ClientPort, key.ServerPort = 0, 0
		}
		id := tupleID{TupleKey: key}
		if cfg.Span > 0 {
			id.span = clock / int64(cfg.Span) * int64(cfg.Span)
		}
		i, ok := tuples[id]
		if !ok {
			i = len(want.tuples)
			tuples[id] = i
			sums := TupleSums{First: r.Start, FirstState: r.State}
			want.tuples = append(want.tuples, Tuple{key, sums, id.span, cfg.Span > 0, 0})
		}
		row := &want.tuples[i]
		row.Entries++
		row.First, row.Last = min(row.First, r.Start), max(row.Last, r.End)
		row.Time += r.End - r.Start
		row.Bytes[0] += r.Bytes[0]
		row.Bytes[1] += r.Bytes[1]
		row.States[r.State]++
		row.LastState = r.State

		pair := PairKey{r.Client, r.Server, r.Version}
		start := clock / int64(cfg.Step) * int64(cfg.Step)
		sid := stepID{pair, start}
		j, ok := steps[sid]
		if !ok {
			j = len(want.steps)
			steps[sid] = j
			clientPorts[sid] = map[portID]bool{}
			want.steps = append(want.steps, Step{PairKey: pair, Start: start})
		}
		step := &want.steps[j]
		step.Flows++
		step.Bytes[0] += r.Bytes[0]
		step.Bytes[1] += r.Bytes[1]
		if r.Part == 0 {
			step.Connections++
			if r.Proto == packet.ProtoTCP {
				step.TCP++
			} else if r.Proto == packet.ProtoUDP {
				step.UDP++
			}
		}
		if r.Proto == packet.ProtoICMP || r.Proto == 47 {
			continue
		}
		clientPorts[sid][portID{pair, r.Proto, r.ClientPort}] = true
		step.ClientPorts = uint32(len(clientPorts[sid]))
		server := portID{pair, r.Proto, r.ServerPort}
		before, known := used[server]
		if used[server] = clock; !known || before < start {
			step.ServerPorts++
			if !known || start-before >= int64(cfg.Expiry) {
				step.NewServerPorts++
			}
		}
	}
	want.handOn(clock, 1, 1) // all
	return want
}

// handOn says of rows that end by a clock that they were written at it; a span of 0 ends with the input.
func (r *rows) handOn(clock, span, step int64) {
	for i := range r.tuples {
		if t := &r.tuples[i]; t.Written == 0 && span > 0 && t.SpanStart+span <= clock {
			t.Written = clock
		}
	}
	for i := range r.steps {
		if s := &r.steps[i]; s.Written == 0 && s.Start+step <= clock {
			s.Written = clock
		}
	}
}

func TestSumsAreThoseOfAModel(t *testing.T) {
	records := some(3000)
	for name, change := range map[string]func(*Config){
		"as it is":       func(*Config) {},
		"spans":          func(c *Config) { c.Span = 5 * time.Minute },
		"a short expiry": func(c *Config) { c.Expiry = 15 * time.Second },
		"steps of 60 s":  func(c *Config) { c.Step = time.Minute },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		want := model(cfg, records)
		for _, group := range []int{1, 100, 3000} {
			got, counts := run(t, cfg, records, group)
			for i := range got.tuples {
				got.tuples[i].place = 0
			}
			if !reflect.DeepEqual(got.tuples, want.tuples) {
				t.Errorf("%s: got %d rows by 5-tuple, want %d; or they differ", name, len(got.tuples), len(want.tuples))
			}
			if !reflect.DeepEqual(got.steps, want.steps) {
				t.Errorf("%s: got %d rows by step, want %d; or they differ", name, len(got.steps), len(want.steps))
			}
			if want := (Counts{Records: 3000, Tuples: uint64(len(want.tuples)), Steps: uint64(len(want.steps))}); counts != want {
				t.Errorf("%s: counts %+v, want %+v", name, counts, want)
			}
		}
	}
}

// A full table hands rows on early: there are more of them, their sums stay.
func TestCaps(t *testing.T) {
	records := some(3000)
	cfg := DefaultConfig()
	cfg.MaxTuples, cfg.MaxPairs, cfg.MaxPorts = 10, 2, 5
	got, counts := run(t, cfg, records, 100)
	if counts.EarlyTuples == 0 || counts.EarlySteps == 0 || counts.Ports == 0 || counts.Tuples != uint64(len(got.tuples)) || counts.Steps != uint64(len(got.steps)) {
		t.Errorf("counts %+v of %d and %d rows", counts, len(got.tuples), len(got.steps))
	}
	var want, tuples, steps [3]uint64
	for _, r := range records {
		want[0]++
		want[1] += r.Bytes[0]
		want[2] += r.Bytes[1]
	}
	for _, r := range got.tuples {
		tuples[0] += r.Entries
		tuples[1] += r.Bytes[0]
		tuples[2] += r.Bytes[1]
	}
	for _, r := range got.steps {
		steps[0] += uint64(r.Flows)
		steps[1] += r.Bytes[0]
		steps[2] += r.Bytes[1]
	}
	if tuples != want || steps != want {
		t.Errorf("sums %v and %v, want %v", tuples, steps, want)
	}
	a := New(cfg, &rows{})
	n := testing.AllocsPerRun(10, func() { _ = a.Flows(records[:100]) })
	if n > 12 { // rows that the sink here keeps
		t.Errorf("%v allocations per 100 records", n)
	}
}

func TestSinkError(t *testing.T) {
	broken := rows{err: errors.New("no room")}
	a := New(DefaultConfig(), &broken)
	if err := a.Flows(some(1000)); err != broken.err {
		t.Errorf("Flows: %v", err)
	}
	if err := a.Close(); err != broken.err || len(broken.steps) > rowGroup {
		t.Errorf("Close: %v, %d rows", err, len(broken.steps))
	}
}

func TestNetworks(t *testing.T) {
	n := NewNetworks([]string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "2001:db8::/32"})
	v4 := func(a, b, c, d byte) packet.Addr { return packet.AddrFrom4([]byte{a, b, c, d}) }
	v6 := packet.Addr{Hi: 0x20010db8_00010002, Lo: 5}
	for _, c := range []struct {
		networks Networks
		addr     packet.Addr
		version  uint8
		want     string
	}{
		{n, v4(10, 1, 2, 3), 4, "10.1.0.0/16"}, {n, v4(10, 2, 2, 3), 4, "10.0.0.0/8"}, {n, v4(192, 0, 2, 1), 4, "192.0.2.1/32"},
		{n, v4(192, 0, 2, 9), 4, "192.0.2.0/24"}, {n, v6, 6, "2001:db8::/32"}, {nil, v6, 6, "2001:db8:1:2::/64"},
	} {
		if got := c.networks.Of(c.addr, c.version).String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	for addr, want := range map[packet.Addr]bool{v4(192, 168, 1, 1): true, v4(172, 32, 0, 1): false, v4(127, 0, 0, 1): true, v4(169, 254, 0, 1): true, v4(8, 8, 8, 8): false} {
		if Private(addr, 4) != want {
			t.Errorf("Private(%v) = %v", addr.Netip(4), !want)
		}
	}
}
