package flowtable

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// host returns an IPv4 address of its own for every n.
func host(n int) packet.Addr { return packet.Addr{Lo: 0xffff_0000_0000 | uint64(uint32(n))} }

// udp returns a UDP packet of a pair of hosts at a time.
func udp(src, dst int, at int64, ordinal uint64) Input {
	return Input{
		Packet: packet.Packet{Src: host(src), Dst: host(dst), SrcPort: 5000, DstPort: 53, Proto: packet.ProtoUDP, Version: 4,
			TTL: 64, Length: 100, PayloadLen: 72},
		Time: at, Clock: at, Ordinal: ordinal, Wire: 114,
	}
}

// syn returns the SYN of a connection of its own for every n.
func syn(n int, at int64, ordinal uint64) Input {
	in := udp(n, 1<<31, at, ordinal)
	in.Proto, in.TCPFlags, in.DstPort, in.PayloadLen, in.Seq, in.Window = packet.ProtoTCP, packet.SYN, 80, 0, uint32(n), 1000
	return in
}

// reply turns a packet round.
func reply(in Input) Input {
	in.Src, in.Dst, in.SrcPort, in.DstPort = in.Dst, in.Src, in.DstPort, in.SrcPort
	return in
}

// newTable returns a table with the default configuration but for the cap.
func newTable(maxFlows int) *Table {
	cfg := DefaultConfig()
	cfg.MaxFlows = maxFlows
	return NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
}

// flood makes a mixture of new flows, answers and packets of earlier flows, with time in steps of about a
// millisecond and now and then of seconds.
func flood(rnd *rand.Rand, n int) []Input {
	inputs := make([]Input, n)
	at := int64(1_700_000_000 * second)
	for i := range inputs {
		at += rnd.Int63n(2_000_000)
		if rnd.Intn(200) == 0 {
			at += rnd.Int63n(20 * second)
		}
		ordinal := uint64(i)
		switch rnd.Intn(4) {
		case 0:
			inputs[i] = syn(rnd.Intn(n), at, ordinal)
		case 1:
			inputs[i] = udp(rnd.Intn(n), 7, at, ordinal)
		default:
			old := inputs[max(0, i-1-rnd.Intn(1000))]
			if old.Wire == 0 {
				old = udp(1, 2, at, ordinal)
			}
			inputs[i] = reply(old)
			inputs[i].Time, inputs[i].Clock, inputs[i].Ordinal = at, at, ordinal
		}
	}
	return inputs
}

func TestCapHoldsAndNothingIsLost(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 7, 10, 50, 333, 1000} {
		inputs := flood(rand.New(rand.NewSource(int64(limit))), 8000)
		cfg := DefaultConfig()
		cfg.MaxFlows = limit
		var first []Record
		for seed := range uint64(2) {
			rnd := rand.New(rand.NewSource(int64(seed)))
			r := newRun(cfg, seed*977+1, rnd.Intn)
			r.table.patience = 100 // so that sharpen has work
			if err := r.all(inputs); err != nil {
				t.Fatalf("limit %d, seed %d: %v", limit, seed, err)
			}
			packets := uint64(0)
			for _, rec := range r.records {
				packets += rec.Packets[Up] + rec.Packets[Down]
			}
			if packets != uint64(len(inputs)) {
				t.Errorf("limit %d: got %d packets in records, want %d", limit, packets, len(inputs))
			}
			if limit < 1000 && r.table.Counters().Written[EndEvicted] == 0 {
				t.Errorf("limit %d: nothing was evicted", limit)
			}
			if first == nil {
				first = r.records
			} else if i := firstDifference(first, r.records); i >= 0 {
				t.Errorf("limit %d: record %d depends on the seed or on the sizes of the calls", limit, i)
			}
		}
	}
}

// firstDifference returns the first index at which the records differ, or -1.
func firstDifference(a, b []Record) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// TestVictims fills a table under no pressure and looks at who goes for each further flow: the unanswered before the
// answered, and of each the longest idle, by the latest packet and not by the first.
func TestVictims(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows, cfg.Pressure, cfg.Relief = 100, 1, 1
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	rnd := rand.New(rand.NewSource(1))
	idle := map[int]int64{}
	at := int64(1000 * second)
	send := func(in Input) { table.Add([]Input{in}) }
	for n := range 100 {
		in := udp(n, 1<<20, at, uint64(n))
		send(in)
		if n < 40 {
			send(reply(in))
		}
	}
	for _, n := range rnd.Perm(100) {
		at += second / 4 // more than a tick
		send(udp(n, 1<<20, at, 1000))
		idle[n] = at
	}
	var want, got []uint64
	for n := range 100 {
		want = append(want, uint64(n))
	}
	slices.SortFunc(want, func(a, b uint64) int {
		if (a < 40) != (b < 40) {
			return map[bool]int{true: 1, false: -1}[a < 40]
		}
		return int(idle[int(a)] - idle[int(b)])
	})
	// The newcomers are answered at once, so that they are not the first to go.
	for n := range 100 {
		at += second / 8
		in := udp(1000+n, 1<<20, at, uint64(2000+n))
		send(in)
		send(reply(in))
	}
	table.Shutdown(at)
	records, _ := table.Drain(nil, 1000)
	for _, r := range records {
		if r.EndReason == EndEvicted {
			got = append(got, r.Ordinal)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("evicted\n got %v\nwant %v", got, want)
	}
}

// TestVictimsWithoutTimeout: flows that never expire go in the order of their idleness too, over months.
func TestVictimsWithoutTimeout(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows, cfg.Idle, cfg.ActiveTimeout = 300, IdleConfig{}, 0
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	at := int64(0)
	var records []Record
	for n := range 900 {
		at += 2 * 3600 * second
		if n%100 == 99 {
			at += 200 * day
		}
		table.Add([]Input{udp(n, 1<<20, at, uint64(n))})
		if n == 350 { // an old one comes to life
			at += 3600 * second
			table.Add([]Input{udp(120, 1<<20, at, 0)})
		}
		if err := table.verify(); err != nil {
			t.Fatal(err)
		}
		records = table.Advance(at, 0, records)
	}
	var want []uint64
	for n := range 600 {
		if n != 120 {
			want = append(want, uint64(n))
		}
		if n == 350 {
			want = append(want, 120)
		}
	}
	var got []uint64
	for _, r := range records {
		got = append(got, r.Ordinal)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("eviction %d: got flow %d, want %d", i, got[i], want[i])
		}
	}
	if len(got) < 590 {
		t.Errorf("got %d evictions settled, want nearly 600", len(got))
	}
}

func TestPressure(t *testing.T) {
	table := newTable(1000)
	at := int64(0)
	for n := range 1000 { // 200 a second: a third of the flows is idle for an eighth of 60 s
		at += 5_000_000
		if n == 899 {
			at += 10 * second
		}
		table.Add([]Input{udp(n, 1<<20, at, uint64(n))})
		if n < 900 && table.Counters().Pressure != 0 {
			t.Fatalf("pressure at %d flows of 1000", table.Open())
		}
	}
	if got := table.Counters().Pressure; got == 0 {
		t.Fatal("no pressure above 90 %")
	}
	for n := range 300 {
		at += second
		table.Add([]Input{udp(2000+n, 1<<20, at, uint64(2000+n))})
		if !table.pressed {
			if table.Open() >= 701 {
				t.Errorf("pressure ended at %d flows, want at most 700", table.Open())
			}
			break
		}
	}
	if table.pressed {
		t.Error("the pressure does not end")
	}
	if got, want := table.Counters().Pressure, table.Counters().Written[EndEvicted]; got != want {
		t.Errorf("got %d flows ended by pressure, want all %d evicted: the table was never full", got, want)
	}
}

// TestPressureSparesActiveFlows: short of the cap, flows go only when they are idle, and never those without timeout.
func TestPressureSparesActiveFlows(t *testing.T) {
	for _, idle := range []time.Duration{0, time.Minute} {
		cfg := DefaultConfig()
		cfg.MaxFlows, cfg.Idle.UDP = 1000, idle
		table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
		for n := range 1000 {
			table.Add([]Input{udp(n, 1<<20, int64(n)*1000, uint64(n))})
		}
		if got := table.Open(); got != 1000 {
			t.Errorf("timeout %v: got %d flows open, want 1000", idle, got)
		}
	}
}

// TestWaitingRecordsAreBounded floods tables whose timeouts are a month: the records must not wait for the tick, over
// an hour, to end.
func TestWaitingRecordsAreBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows = 1000
	month := 720 * time.Hour
	cfg.Idle = IdleConfig{TCP: month, TCPEmbryonic: month, TCPClosed: month, UDP: month, ICMP: month, Other: month}
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	var out []Record
	waiting, handed := 0, 0
	for n := range 200_000 {
		table.Add([]Input{syn(n, int64(n)*1000, uint64(n))})
		out = table.Advance(int64(n)*1000, uint64(n+1), out[:0])
		handed += len(out)
		waiting = max(waiting, len(table.pending))
	}
	if bound := table.patience + 10; waiting > bound {
		t.Errorf("got %d records waiting, want at most %d", waiting, bound)
	}
	if handed < 150_000 {
		t.Errorf("got %d records, want most of 199000", handed)
	}
}

// TestWaitingRecordsAreBoundedAtOneInstant: a capture without timestamps, as simple packet blocks give.
func TestWaitingRecordsAreBoundedAtOneInstant(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows = 1000
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	var out []Record
	handed := 0
	for n := range 100_000 {
		table.Add([]Input{syn(n, 0, uint64(n))})
		out = table.Advance(0, uint64(n+1), out[:0])
		handed += len(out)
		if waiting := len(table.pending); waiting > 10 {
			t.Fatalf("got %d records waiting after %d packets, want none but the last ones", waiting, n)
		}
	}
	if handed < 98_000 {
		t.Errorf("got %d records, want those of all evictions", handed)
	}
}

// TestRecordsDependOnNothingElse: seeds, sizes of Add, calls of Advance, with the table full and not.
func TestRecordsDependOnNothingElse(t *testing.T) {
	inputs := flood(rand.New(rand.NewSource(5)), 20_000)
	for _, limit := range []int{500, 1_000_000} {
		var first []Record
		for _, size := range []int{4096, 1, 31, 32, 33, 4096} {
			t.Run(fmt.Sprintf("limit=%d/size=%d", limit, size), func(t *testing.T) {
				cfg := DefaultConfig()
				cfg.MaxFlows = limit
				r := newRun(cfg, uint64(size), func(n int) int { return n - 1 })
				r.check = func(*Table) error { return nil }
				rest := slices.Clone(inputs)
				for len(rest) > 0 {
					n := min(size, len(rest))
					r.table.Add(rest[:n])
					if err := r.advance(rest[n-1].Clock, rest[n-1].Ordinal); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
				}
				if err := r.drain(inputs[len(inputs)-1].Clock); err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = r.records
				} else if i := firstDifference(first, r.records); i >= 0 {
					t.Errorf("record %d differs from that of the first run", i)
				}
			})
		}
	}
}
