package flowtable

import (
	"fmt"
	"math/rand"
	"os"
	"testing"
)

// The benchmarks count packets in groups of 1024, as the sensor does in batches, with an Advance after each; ns/op is
// per packet. Run them with
//
//	go test -run '^$' -bench Table -benchtime 5000000x ./flowtable
//
// Ten million open flows want 3 GB and are left out unless WEIR_BENCH_10M is set.

// pump feeds b.N packets to the table.
func pump(b *testing.B, table *Table, packet func(n int) Input) {
	b.Helper()
	buf := make([]Input, 1024)
	var out []Record
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		group := buf[:min(len(buf), b.N-n)]
		for i := range group {
			group[i] = packet(n)
			group[i].Ordinal = uint64(n)
			n++
		}
		table.Add(group)
		out = table.Advance(group[len(group)-1].Clock, uint64(n), out[:0])
	}
}

// BenchmarkTable/baseline is the cost of making the packets, which is part of all the others.
func BenchmarkTable(b *testing.B) {
	b.Run("baseline", func(b *testing.B) {
		b.ReportAllocs()
		var sum uint32
		for n := range b.N {
			in := syn(n, int64(n), 0)
			sum += in.Length
		}
		if sum == 1 {
			b.Log(sum)
		}
	})
	for _, flows := range []int{1000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("hit/flows=%d", flows), func(b *testing.B) { benchmarkHit(b, flows) })
	}
	b.Run("new", benchmarkNew)
	b.Run("expiry", benchmarkExpiry)
	b.Run("full", benchmarkFull)
	for _, limit := range []int{1_000_000, 20_000_000} {
		b.Run(fmt.Sprintf("synflood/cap=%d", limit), func(b *testing.B) { benchmarkFlood(b, limit) })
	}
	b.Run("jumps", benchmarkJumps)
}

func benchmarkHit(b *testing.B, flows int) {
	if flows > 1_000_000 && os.Getenv("WEIR_BENCH_10M") == "" {
		b.Skip("WEIR_BENCH_10M is not set")
	}
	before := heap()
	table := newTable(2 * flows)
	for n := range flows {
		table.Add([]Input{udp(n, 7, 0, uint64(n))})
	}
	used := float64(heap()-before) / float64(flows)
	order := rand.New(rand.NewSource(1)).Perm(flows)
	pump(b, table, func(n int) Input { return udp(order[n%flows], 7, int64(n), 0) })
	b.ReportMetric(used, "heap-B/flow")
	b.ReportMetric(float64(table.kept())/float64(flows), "kept-B/flow")
}

// benchmarkNew opens a flow with every packet, up to a million; then the table begins anew, outside the time.
func benchmarkNew(b *testing.B) {
	table := newTable(2_000_000)
	b.ReportAllocs()
	for n := 0; n < b.N; n++ {
		if n%1_000_000 == 999_999 {
			b.StopTimer()
			table = newTable(2_000_000)
			b.StartTimer()
		}
		in := [1]Input{udp(n, 7, 0, uint64(n))}
		table.Add(in[:])
	}
}

// benchmarkExpiry opens a flow with every packet, 10000 a second, and each ends after 60 s of quiet.
func benchmarkExpiry(b *testing.B) {
	table := newTable(2_000_000)
	pump(b, table, func(n int) Input { return udp(n, 7, int64(n)*100_000, 0) })
}

// benchmarkFull has 100000 flows, the most it may, half of them answered: each packet of a new flow ends another.
func benchmarkFull(b *testing.B) {
	table := newTable(100_000)
	pump(b, table, func(n int) Input {
		in := udp(n/4*3+n%4%3, 7, int64(n)*1000, 0)
		if n%4 == 3 {
			in = reply(in)
		}
		return in
	})
}

// benchmarkFlood sends SYNs from as many sources as there are packets, a million a second.
func benchmarkFlood(b *testing.B, limit int) {
	if limit > 10_000_000 && testing.Short() {
		b.Skip("short: it wants memory for every flow")
	}
	table := newTable(limit)
	pump(b, table, func(n int) Input { return syn(n, int64(n)*1000, 0) })
	b.ReportMetric(float64(table.kept())/float64(max(table.Open(), 1)), "kept-B/flow")
}

// benchmarkJumps lets the clock jump by a day with every packet, beside a flow that never ends.
func benchmarkJumps(b *testing.B) {
	cfg := DefaultConfig()
	cfg.ActiveTimeout, cfg.Idle.Other = 0, 0
	table := NewTable(cfg, 1, [4]uint64{1, 2, 3, 4})
	pump(b, table, func(n int) Input {
		in := udp(n%100, 7, int64(n%100_000)*day, 0)
		in.Clock = min(int64(n)*day, MaxClock)
		in.Time = in.Clock
		if n%10 == 0 {
			in.Proto = 47
		}
		return in
	})
}
