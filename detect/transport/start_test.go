package transport

import (
	"math"
	"testing"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// flow returns a TCP flow of first packets with payload, of which the first of each side is random.
func flow(rtt int64, sizes ...int32) *flowtable.Record {
	f := &flowtable.Features{SPLT: uint8(len(sizes))}
	copy(f.Sizes[:], sizes)
	m := payload.NewMeter()
	for i, size := range sizes {
		d, n := flowtable.Up, int(size)
		if size < 0 {
			d, n = flowtable.Down, int(-size)
		}
		f.Gaps[i] = uint32(1000 * i)
		if f.Packet[d].Length == 0 {
			f.Packet[d] = m.Packet(scrambled(n), n, false)
		}
	}
	return &flowtable.Record{Proto: packet.ProtoTCP, Version: 4, RTT: rtt, Features: f}
}

// scrambled returns bytes that look random.
func scrambled(n int) []byte {
	b, x := make([]byte, n), uint64(n)
	for i := range b {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		b[i] = byte(z >> 40)
	}
	return b
}

// numbers returns a flow's numbers by name.
func numbers(r *flowtable.Record, limit int) map[string]float64 {
	by, row := map[string]float64{}, AppendStart(nil, r, limit)
	for i, f := range startFeatures() {
		by[f.Name] = row[i]
	}
	return by
}

func TestStart(t *testing.T) {
	r := flow(2_000_000, 1448, 576, -1448, -72, 16, 16, -80, 33) // gaps of 0, 1, 2, ... ms
	got := numbers(r, StartPackets)
	for name, want := range map[string]float64{
		"first_len_up": math.Log2(1449), "first_unexempt_up": 1, "framing_tls_up": 0, "framing_known_down": 0,
		"client_first": 1, "burst_1": math.Log2(2025), "burst_2": math.Log2(1521), "burst_3": math.Log2(33), "burst_4": math.Log2(81),
		"burst_5": math.Log2(34), "burst_6": math.NaN(),
		"len_1": 1300, "len_2": 576, "len_3": -1300, "len_4": -72, "len_8": 33, "len_9": math.NaN(),
		"len_min_up": 16, "len_mean_up": (1300 + 576 + 16 + 16 + 33) / 5., "full_up": .2,
		"len_min_down": 72, "len_mean_down": (1300 + 72 + 80) / 3., "full_down": 1 / 3.,
		"distinct_len": 7 / 8., "top_len": 2 / 8., "len_mod_8": 5 / 6., "len_mod_16": 4 / 6., "bursts_per_packet": 5 / 8.,
		"answer_after": 1, "second_after": 2, "longest_gap_in_burst": 2.5,
	} {
		if g, ok := got[name]; !ok || math.Abs(g-want) > 1e-12 || math.IsNaN(g) != math.IsNaN(want) {
			t.Errorf("%s: got %v, want %v", name, g, want)
		}
	}
	cut := numbers(r, 3)
	if cut["burst_2"] != math.Log2(1449) || !math.IsNaN(cut["burst_3"]) || cut["bursts_per_packet"] != 2/3. {
		t.Errorf("first three packets: got %v, %v, %v", cut["burst_2"], cut["burst_3"], cut["bursts_per_packet"])
	}
}

// What is not known is NaN, and there are as many numbers as names whatever is known.
func TestStartUnknown(t *testing.T) {
	for _, r := range []*flowtable.Record{{}, {Features: &flowtable.Features{}}, flow(-1, 100), flow(-1, -1448, -1448)} {
		row := AppendStart(nil, r, StartPackets)
		if len(row) != len(startFeatures()) {
			t.Fatalf("got %d numbers, want %d", len(row), len(startFeatures()))
		}
		for i, v := range row {
			if math.IsInf(v, 0) {
				t.Errorf("%s: got %v", startFeatures()[i].Name, v)
			}
		}
		if !math.IsNaN(numbers(r, StartPackets)["answer_after"]) {
			t.Error("no round-trip time, but an answer in them")
		}
	}
}

func TestStartDoesNotAllocate(t *testing.T) {
	r, row := flow(1000, 500, -300, 200, -100), make([]float64, 0, 100)
	if n := testing.AllocsPerRun(100, func() { row = AppendStart(row[:0], r, StartPackets) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// Nothing that tells where, when or how far a flow was seen is a number of it.
func TestStartNamesNoNetwork(t *testing.T) {
	a := flow(3_000_000, 700, -900, 80, -1448)
	b := *a
	b.Client, b.Server, b.ClientPort, b.ServerPort = packet.Addr{Lo: 1}, packet.Addr{Lo: 2}, 3, 4
	b.Start, b.End, b.TTLMin, b.Packets, b.Bytes = 5, 6, [2]uint8{7, 8}, [2]uint64{9, 10}, [2]uint64{11, 12}
	x, y := AppendStart(nil, a, StartPackets), AppendStart(nil, &b, StartPackets)
	for i := range x {
		if x[i] != y[i] && (x[i] == x[i] || y[i] == y[i]) {
			t.Errorf("%s depends on where and when", startFeatures()[i].Name)
		}
	}
}

func TestContractsNameEachFeatureOnce(t *testing.T) {
	for _, set := range Sets() {
		seen := map[string]bool{}
		for _, f := range Contract(set, features.DefaultConfig()).Features {
			if seen[f.Name] || f.Unit == "" {
				t.Errorf("%s: %q twice or without a unit", set, f.Name)
			}
			seen[f.Name] = true
		}
	}
}

func TestEarliest(t *testing.T) {
	for _, test := range []struct {
		sizes []int32
		want  int
	}{
		{[]int32{100, -100, 100, -100, 100, -100}, 5},
		{[]int32{100, 100, 100, 100, 100, 100, -100, 100}, 7},
		{[]int32{-100, -100, -100, -100, -100, 100}, 6},
		{[]int32{100, 100, 100, 100, 100}, 6}, // the other side was not among those remembered
	} {
		if got := Earliest(flow(1000, test.sizes...)); got != test.want {
			t.Errorf("%v: got %d, want %d", test.sizes, got, test.want)
		}
	}
}
