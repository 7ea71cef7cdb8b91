package output

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// flood returns n records as a SYN flood makes them: one packet each, every source another.
func flood(n int) []flowtable.Record {
	records := make([]flowtable.Record, n)
	for i := range records {
		r := &records[i]
		r.ID = uint64(i+1) * 0x9e3779b97f4a7c15
		r.Client = packet.Addr{Lo: 0xffff_0000_0000 | uint64(uint32(i+1)*0x9e3779b1)}
		r.Server = addr("203.0.113.10")
		r.ClientPort, r.ServerPort = uint16(i*7919), 443
		r.Proto, r.Version = packet.ProtoTCP, 4
		r.State, r.ConnState = flowtable.Connecting, flowtable.S0
		r.Quality = flowtable.OneWay
		r.TCPFlags[flowtable.Up] = packet.SYN
		r.TTLMin[flowtable.Up] = 64
		r.Start = 1_700_000_000_000_000_000 + int64(i)*12_345
		r.End, r.RTT = r.Start, -1
		r.Packets[flowtable.Up], r.Bytes[flowtable.Up], r.WireBytes[flowtable.Up] = 1, 40, 60
		r.History[0] = 1
		r.Written, r.Ordinal = r.Start+30_000_000_000, uint64(i)
	}
	return records
}

func addr(s string) packet.Addr {
	b := netip.MustParseAddr(s).As16()
	return packet.AddrFrom16(b[:])
}

func BenchmarkAppend(b *testing.B) {
	records := flood(1024)
	for _, c := range []struct {
		name   string
		append func(*encoder, []byte, *flowtable.Record) []byte
	}{{"ndjson", plainNDJSON.append}, {"csv", plainCSV.append}} {
		b.Run(fmt.Sprintf("form=%s", c.name), func(b *testing.B) {
			var e encoder
			var text []byte
			bytes, i := 0, 0
			for b.Loop() {
				text = c.append(&e, text[:0], &records[i&1023])
				bytes += len(text)
				i++
			}
			b.SetBytes(int64(bytes / i))
		})
	}
}

// conversation returns n records with features as a short TLS connection leaves them.
func conversation(n int) []flowtable.Record {
	records := flood(n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range records {
		f := &flowtable.Features{SPLT: 12, Entropy: [2]float64{7 * rng.Float64(), 7.9 * rng.Float64()}}
		for d := range 2 {
			f.Length[d] = flowtable.Moments{Mean: 1500 * rng.Float64(), Std: 600 * rng.Float64(), Min: 40, Max: 1500}
			gap := 1e6 * rng.Float64()
			f.Interval[d] = flowtable.Moments{Mean: gap, Std: gap * 1.1, Min: float64(rng.IntN(100)), Max: float64(rng.IntN(1e6))}
			f.First[d] = payload.Stats{Length: 517, Entropy: 8 * rng.Float64(), BitsSet: 4 * rng.Float64(), Printable: rng.Float64(), PrintableRun: 17}
		}
		for j := range f.SPLT {
			f.Sizes[j], f.Gaps[j] = int32(rng.IntN(2900)-1450), uint32(rng.IntN(100_000))
		}
		records[i].Features = f
	}
	return records
}

// withSingles gives records of one packet each the features that go with it.
func withSingles(records []flowtable.Record) []flowtable.Record {
	nan := math.NaN()
	none := flowtable.Moments{Mean: nan, Std: nan, Min: nan, Max: nan}
	for i := range records {
		records[i].Features = &flowtable.Features{Entropy: [2]float64{nan, nan}, Interval: [2]flowtable.Moments{none, none},
			Length: [2]flowtable.Moments{{Mean: 40, Std: nan, Min: 40, Max: 40}, none}}
	}
	return records
}

// Run with: go test -run '^$' -bench Columns ./output
func BenchmarkColumns(b *testing.B) {
	singles, records := withSingles(flood(chunkRecords)), conversation(chunkRecords)
	for i := range records {
		records[i].Label = 1
	}
	labels := &Labels{Names: []string{"app", "transport"}, Rows: [][]string{{"TLS.Example", "obfs4 with \"iat\""}}}
	type benchmark struct {
		name    string
		columns Columns
		records []flowtable.Record
	}
	all := Columns{Features: flowtable.FeatureGroups()}
	cases := []benchmark{{"none", Columns{}, records}, {"labels", Columns{Labels: labels}, records}, {"all", all, records}, {"all of one packet", all, singles}}
	for _, g := range flowtable.FeatureGroups() {
		cases = append(cases, benchmark{g, Columns{Features: []string{g}}, records})
	}
	for _, c := range cases {
		for _, format := range []Format{NDJSON, CSV} {
			b.Run(fmt.Sprintf("columns=%s/form=%v", c.name, format), func(b *testing.B) {
				f := newFlowForm(c.columns, format)
				var e encoder
				var text []byte
				bytes, i := 0, 0
				for b.Loop() {
					text = f.append(&e, text[:0], &c.records[i%chunkRecords])
					bytes += len(text)
					i++
				}
				b.SetBytes(int64(bytes / i))
			})
		}
	}
}

// What a record costs the caller of a live run's sink, and until it is in the file.
// Run with: go test -run '^$' -bench LiveFiles ./output
func BenchmarkLiveFiles(b *testing.B) {
	d, err := OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	cfg := DefaultConfig()
	cfg.Rotate.Size = 64 << 20
	q := Live{Config: cfg, Dir: d}.FlowFiles(Columns{})
	records := flood(100)
	var offering time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		if err := q.Flows(records); err != nil {
			b.Fatal(err)
		}
		offering += time.Since(began)
		n += len(records)
		for q.Status().Waiting > uint64(cfg.Queue/2) {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(offering)/float64(n), "ns-offer/record")
	b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/record")
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	if s := q.Status(); s.Written != s.Offered {
		b.Errorf("got %+v", s)
	}
}

// BenchmarkWindowLine writes windows whose numbers are shares of 50 packets, entropies and means.
func BenchmarkWindowLine(b *testing.B) {
	cfg := features.DefaultConfig()
	f := newWindowForm(cfg, nil, NDJSON)
	rnd := rand.New(rand.NewPCG(1, 2))
	windows := make([]features.Window, 256)
	for i := range windows {
		up := 1 + rnd.IntN(49)
		for j, described := range features.Features() {
			v := float64(rnd.IntN(up)) / float64(up)
			if described.Unit != "share" {
				v = rnd.Float64() * 8
			}
			windows[i].Features[j] = v
		}
	}
	var e encoder
	var line []byte
	for i := 0; b.Loop(); i++ {
		line = f.append(&e, line[:0], &windows[i&255])
	}
}
