package flowtable

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/weir-sensor/weir/packet"
)

// allocs lets a table take the same kind of packets until nothing in it grows any more, then counts the allocations of
// 2000 calls.
func allocs(t *testing.T, table *Table, warmUp int, next func() []Input) float64 {
	t.Helper()
	var out []Record
	step := func() {
		in := next()
		table.Add(in)
		out = table.Advance(in[len(in)-1].Clock, in[len(in)-1].Ordinal+1, out[:0])
	}
	for range warmUp {
		step()
	}
	return testing.AllocsPerRun(1, func() { // it rounds down, so one run of many calls
		for range 2000 {
			step()
		}
	})
}

// feed returns a function that fills one slice again and again with 32 packets, numbered on.
func feed(interval int64, make32 func(n int, at int64) Input) func() []Input {
	buf := make([]Input, groupSize)
	n := 0
	return func() []Input {
		for i := range buf {
			buf[i] = make32(n, int64(n)*interval)
			buf[i].Ordinal = uint64(n)
			n++
		}
		return buf
	}
}

func TestNoAllocations(t *testing.T) {
	var talk []Input
	for port := range uint16(200) {
		c := conversation{port: port}
		c.handshake()
		for at := range 40 {
			c.say(at&1, at*10, text(at, 20))
		}
		talk = append(talk, c.list...)
	}
	cases := map[string]struct {
		limit, warmUp int
		interval      int64
		packet        func(n int, at int64) Input
	}{
		"hits": {1000, 100, 1000, func(n int, at int64) Input { return udp(n%500, 7, at, 0) }},
		// but for the features of each record, which are made 64 at a time
		"features": {1000, 100, 1000, func(n int, at int64) Input {
			in := talk[n%len(talk)]
			in.Time, in.Clock = at, at
			return in
		}},
		// 1000 a second, each idle out after 60 s
		"turnover": {1_000_000, 10_000, 1_000_000, func(n int, at int64) Input { return udp(n, 7, at, 0) }},
		"tcp turnover": {1_000_000, 10_000, 1_000_000, func(n int, at int64) Input {
			in := syn(n/2, at, 0)
			if n&1 == 1 {
				in = reply(in)
				in.TCPFlags, in.Ack = packet.RST|packet.ACK, uint32(n/2)+1
			}
			return in
		}},
		"eviction": {1000, 5000, 1000, func(n int, at int64) Input { return syn(n, at, 0) }},
		"late": {100_000, 5000, 1_000_000, func(n int, at int64) Input {
			in := udp(n%3000, 7, at, 0)
			in.Time -= int64(n%7) * second
			return in
		}},
		"parts": {1000, 10_000, second / 10, func(n int, at int64) Input { return udp(n%50, 7, at, 0) }},
		"fragments": {10_000, 20_000, 1_000_000, func(n int, at int64) Input {
			in := udp(n/2%3000, 7, at, 0)
			in.FragID = uint32(n / 2)
			if n&1 == 0 {
				in.Flags |= packet.FragFirst
			} else {
				in.Flags |= packet.FragLater
				in.SrcPort, in.DstPort = 0, 0
			}
			return in
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxFlows = c.limit
			if name == "features" {
				cfg.Features = []string{AllFeatures}
			}
			table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
			if got := allocs(t, table, c.warmUp, feed(c.interval, c.packet)); got != 0 {
				t.Errorf("got %v allocations in 64000 packets, want 0", got)
			}
			if name == "fragments" && table.Counters().Orphans != 0 {
				t.Errorf("got %d orphans, want 0", table.Counters().Orphans)
			}
		})
	}
}

// kept returns the bytes of everything that the table keeps.
func (t *Table) kept() uintptr {
	n := unsafe.Sizeof(*t)
	n += uintptr(len(t.flows.chunks)) * unsafe.Sizeof([chunkFlows]flow{})
	n += uintptr(cap(t.flows.chunks)+cap(t.index.slots)+cap(t.links)) * 8
	n += uintptr(cap(t.free)+cap(t.freeExts)) * 4
	n += uintptr(cap(t.exts)) * unsafe.Sizeof(ext{})
	n += uintptr(cap(t.pending)) * unsafe.Sizeof(Record{})
	n += uintptr(cap(t.order)+cap(t.closing)) * unsafe.Sizeof(place{})
	return n
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

const bytesPerFlow = 256

func TestMillionFlowsFitIn256BytesEach(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a million flows take a second")
	}
	const flows = 1_000_000
	before := heap()
	table := newTable(flows * 2)
	next := feed(10, func(n int, at int64) Input { return syn(n, at, 0) })
	for table.Open() < flows {
		table.Add(next())
	}
	table.Advance(0, 0, nil)
	used := heap() - before
	t.Logf("%d flows: %.1f bytes each by the heap, %.1f counted", table.Open(), float64(used)/flows, float64(table.kept())/flows)
	if got := float64(used) / flows; got > bytesPerFlow {
		t.Errorf("got %.1f bytes per open flow, want at most %d", got, bytesPerFlow)
	}
	runtime.KeepAlive(table)
}

// TestMemoryIsFlatAtTheCap: what a full table keeps does not grow with what goes through it, but for the records that
// wait to be handed out, which have a bound of their own.
func TestMemoryIsFlatAtTheCap(t *testing.T) {
	const limit = 50_000
	table := newTable(limit)
	next := feed(500, func(n int, at int64) Input { return syn(n, at, 0) })
	waiting := func() uintptr {
		return uintptr(cap(table.pending))*unsafe.Sizeof(Record{}) + uintptr(cap(table.order))*unsafe.Sizeof(place{})
	}
	var out []Record
	var full uintptr
	for round := range 30 * limit / groupSize {
		in := next()
		table.Add(in)
		out = table.Advance(in[len(in)-1].Clock, in[len(in)-1].Ordinal+1, out[:0])
		if round == 3*limit/groupSize {
			full = table.kept() - waiting()
		}
	}
	if got := table.kept() - waiting(); got > full {
		t.Errorf("got %d bytes after 30 times the cap, %d after 3 times", got, full)
	}
	if got, bound := cap(table.pending), 2*(table.patience+4*groupSize); got > bound {
		t.Errorf("got room for %d waiting records, want at most %d", got, bound)
	}
	if got := table.Open(); got > limit {
		t.Errorf("got %d flows open, cap %d", got, limit)
	}
}
