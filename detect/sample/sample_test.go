package sample

import (
	"runtime"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// Every flow of a batch has the same chance to be kept.
func TestSampleIsFair(t *testing.T) {
	s := New(ByFlow, []string{"bytes"}, 1000)
	counts := make([]int, 10)
	for round := range 20 {
		for i := range 10_000 {
			s.Add(&detect.Flow{Record: &flowtable.Record{ID: uint64(i), Bytes: [2]uint64{uint64(i), 0}}})
		}
		for i, f := range s.Flows {
			counts[f.ID/1000]++
			if s.Rows[i] != float64(f.ID) {
				t.Fatalf("flow %d has the row of %v", f.ID, s.Rows[i])
			}
		}
		if s.Status() != detect.Degraded || s.Total != 10_000 {
			t.Fatalf("status %v of %d flows", s.Status(), s.Total)
		}
		s.Reset(uint64(round))
	}
	for i, n := range counts { // 2000 each, standard deviation 42
		if n < 1800 || n > 2200 {
			t.Errorf("tenth %d: %d of 20000, want about 2000", i, n)
		}
	}
}

func TestColumnsOfAFlow(t *testing.T) {
	s := New(ByFlow, ColumnNames(ByFlow), 10)
	s.Add(&detect.Flow{Record: &flowtable.Record{Bytes: [2]uint64{99, 0}, Packets: [2]uint64{2, 1}, Payload: [2]uint64{7, 8}, Start: 1e9, End: 3e9}})
	want := []float64{99, 99, 0, 3, 2, 1, 7, 8, 2, 33, 4.605170185988092}
	for i, name := range ColumnNames(ByFlow) {
		if s.Rows[i] != want[i] {
			t.Errorf("%s = %v, want %v", name, s.Rows[i], want[i])
		}
	}
}

// What a flow costs, of 100,000 5-tuples and 1000 pairs that come again and again.
func BenchmarkAdd(b *testing.B) {
	records := make([]flowtable.Record, 100_000)
	for i := range records {
		records[i] = flowtable.Record{ID: uint64(i), Version: 4, Client: detecttest.IPv4(uint32(i*7919) % 1000), Proto: packet.ProtoTCP, ServerPort: 443,
			ClientPort: uint16(i), Bytes: [2]uint64{uint64(i), 1}}
	}
	for _, rows := range []string{ByFlow, ByTuple, ByPair} {
		b.Run(rows, func(b *testing.B) {
			s := New(rows, []string{"bytes"}, 50_000)
			b.ReportAllocs()
			var f detect.Flow
			for i := range b.N {
				f.Record, f.Time = &records[i%len(records)], int64(i)*1e5
				s.Add(&f)
			}
		})
	}
}

// What is held at most, with four columns and every table full.
func TestMemory(t *testing.T) {
	for rows, most := range map[string]uint64{ByFlow: 10 << 20, ByTuple: 60 << 20, ByPair: 80 << 20} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := New(rows, []string{"bytes_up", "bytes_down", "bytes", "up_down_ratio"}, 50_000)
		for i := range 500_000 {
			s.Add(&detect.Flow{Record: &flowtable.Record{Version: 4, Proto: packet.ProtoTCP, Client: detecttest.IPv4(uint32(i)), ServerPort: uint16(i)}, Time: int64(i/250_000) * 1e10})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := after.HeapAlloc - before.HeapAlloc
		t.Logf("%s: %d MB", rows, held>>20)
		if held > most {
			t.Errorf("%s: %d bytes, want %d at most", rows, held, most)
		}
		runtime.KeepAlive(s)
	}
}
