package research

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// plainRow is a row as a labels file says it.
type plainRow struct {
	first, last  int64 // us
	src, dst     byte  // host number
	sport, dport uint16
	proto        string
	class, work  string // "": none
}

func host(n byte) packet.Addr { return packet.AddrFrom4([]byte{192, 0, 2, n}) }

var protocols = map[string]uint8{"tcp": 6, "udp": 17, "icmp": 1}

// load makes Labels of rows the way a user does: from the text of files.
func load(t *testing.T, files ...[]plainRow) *Labels {
	t.Helper()
	var paths []string
	for _, rows := range files {
		text := "ts_first\tts_last\tsrc\tsport\tdst\tdport\tproto\tclass\tworkload\n"
		for _, r := range rows {
			text += fmt.Sprintf("%d.%06d\t%d.%06d\t192.0.2.%d\t%d\t192.0.2.%d\t%d\t%s\t%s\t%s\n", r.first/1e6, r.first%1e6,
				r.last/1e6, r.last%1e6, r.src, r.sport, r.dst, r.dport, r.proto, r.class, r.work)
		}
		paths = append(paths, file(t, text))
	}
	l, err := LoadLabels(t.Context(), paths...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// missed is by how many ns two ranges of time miss each other; negative where they have more than an instant in common.
func missed(a, b, c, d int64) int64 { return max(a, c) - min(b, d) }

// model joins records to rows by looking at every pair of them. It gives the row of each record, -1 for none, and what
// became of each row.
func model(rows []plainRow, records []flowtable.Record, shift int64) (of []int, report Report, fates []Fate) {
	flows := make([]map[uint64]int, len(rows))
	matched := make([]bool, len(rows))
	for i := range records {
		r := &records[i]
		best, candidates := -1, 0
		var swapped, bestSwapped bool
		for n, row := range rows {
			portless := row.proto == "icmp"
			if protocols[row.proto] != r.Proto || r.Version != 4 ||
				missed(row.first*1000+shift, row.last*1000+shift, r.Start, r.End) > 1000 {
				continue
			}
			switch {
			case r.Client == host(row.src) && r.Server == host(row.dst) &&
				(portless || r.ClientPort == row.sport && r.ServerPort == row.dport):
				swapped = false
			case r.Client == host(row.dst) && r.Server == host(row.src) &&
				(portless || r.ClientPort == row.dport && r.ServerPort == row.sport):
				swapped = true
			default:
				continue
			}
			matched[n] = true
			candidates++
			if best >= 0 {
				now := missed(row.first*1000+shift, row.last*1000+shift, r.Start, r.End)
				was := missed(rows[best].first*1000+shift, rows[best].last*1000+shift, r.Start, r.End)
				if now > was || now == was && (swapped && !bestSwapped || swapped == bestSwapped && row.first >= rows[best].first) {
					continue
				}
			}
			best, bestSwapped = n, swapped
		}
		of = append(of, best)
		if best < 0 {
			report.Flows.Unlabelled++
			continue
		}
		report.Flows.Labelled++
		if bestSwapped {
			report.Flows.Swapped++
		}
		if candidates > 1 {
			report.Flows.Contested++
		}
		if flows[best] == nil {
			flows[best] = map[uint64]int{}
		}
		flows[best][r.ID]++
	}
	report.Rows.Total = uint64(len(rows))
	for n := range rows {
		records := 0
		for _, k := range flows[n] {
			records += k
		}
		switch {
		case len(flows[n]) > 1:
			fates = append(fates, Several)
			report.Rows.Several++
		case records > 1:
			fates = append(fates, Parts)
			report.Rows.Parts++
		case records == 1:
			fates = append(fates, Once)
			report.Rows.Once++
		case matched[n]:
			fates = append(fates, Outdone)
			report.Rows.Outdone++
		default:
			fates = append(fates, Never)
			report.Rows.Never++
		}
	}
	return of, report, fates
}

func randomRows(rnd *rand.Rand, n int) (rows []plainRow) {
	for range n {
		first := 1_000_000_000 + rnd.Int64N(100)
		rows = append(rows, plainRow{
			first: first, last: first + rnd.Int64N(20)*rnd.Int64N(2), src: byte(rnd.IntN(3)), dst: byte(rnd.IntN(3)),
			sport: uint16(rnd.IntN(3)), dport: uint16(rnd.IntN(3)), proto: []string{"tcp", "udp", "icmp"}[rnd.IntN(3)],
			class: []string{"", "-", "a", "b"}[rnd.IntN(4)], work: []string{"x", "y"}[rnd.IntN(2)],
		})
	}
	return rows
}

func randomRecords(rnd *rand.Rand, n int, shift int64) (records []flowtable.Record) {
	for range n {
		start := (1_000_000_000+rnd.Int64N(100))*1000 + rnd.Int64N(3) - 1 + shift
		records = append(records, flowtable.Record{
			ID: uint64(rnd.IntN(20)), Client: host(byte(rnd.IntN(3))), Server: host(byte(rnd.IntN(3))), ClientPort: uint16(rnd.IntN(3)),
			ServerPort: uint16(rnd.IntN(3)), Proto: []uint8{6, 17, 1}[rnd.IntN(3)], Version: []uint8{4, 4, 4, 6}[rnd.IntN(4)],
			Start: start, End: start + rnd.Int64N(20_000)*rnd.Int64N(2), Label: 99,
		})
	}
	return records
}

// values are what a label stands for, with a row's words for none.
func values(labels [][]string, label uint32) [2]string {
	if label == 0 {
		return [2]string{"no label"}
	}
	return [2]string(labels[label-1])
}

func (r plainRow) values() [2]string {
	if r.class == "-" {
		r.class = ""
	}
	return [2]string{r.class, r.work}
}

func TestJoinAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var all Report
	for round := range 400 {
		rows := randomRows(rnd, rnd.IntN(60))
		shift := []int64{0, 5_000_000_000, -2_000_000_000_123}[rnd.IntN(3)]
		records := randomRecords(rnd, 80, shift)
		of, want, fates := model(rows, records, shift)
		cut := rnd.IntN(len(rows) + 1)
		labels := load(t, rows[:cut], rows[cut:])
		j := NewJoiner(labels, nil, func() int64 { return shift })
		for part := range slices.Chunk(records, 7) {
			j.Flows(part)
		}
		if got := j.Report(); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: got report %+v, want %+v", round, got, want)
		}
		for i := range records {
			wanted := [2]string{"no label"}
			if of[i] >= 0 {
				wanted = rows[of[i]].values()
			}
			if got := values(labels.FlowLabels().Rows, records[i].Label); got != wanted {
				t.Fatalf("round %d: record %+v: got %q, want %q", round, records[i], got, wanted)
			}
		}
		for fate := Never; fate <= Several; fate++ {
			var places []string
			for n := range rows {
				if fates[n] != fate {
					continue
				}
				if n < cut {
					places = append(places, fmt.Sprintf("%s:%d", labels.Files[0].Name, n+2))
				} else {
					places = append(places, fmt.Sprintf("%s:%d", labels.Files[1].Name, n-cut+2))
				}
			}
			if got := j.Places(fate, math.MaxInt); !slices.Equal(got, places) {
				t.Fatalf("round %d: rows of fate %d: got %q, want %q", round, fate, got, places)
			}
			if got := j.Places(fate, 1); len(got) != min(1, len(places)) {
				t.Fatalf("round %d: one row of fate %d: got %q", round, fate, got)
			}
		}
		all.Rows.Parts += want.Rows.Parts
		all.Rows.Outdone += want.Rows.Outdone
		all.Flows.Swapped += want.Flows.Swapped
		all.Flows.Contested += want.Flows.Contested
	}
	if all.Rows.Parts == 0 || all.Rows.Outdone == 0 || all.Flows.Swapped == 0 || all.Flows.Contested == 0 {
		t.Errorf("the random records show too little: %+v", all)
	}
}

// Windows have a value where all rows agree in it: the model looks at every row.
func TestWindowsAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var all WindowReport
	for round := range 400 {
		rows := randomRows(rnd, rnd.IntN(60))
		if round%2 == 0 { // else they hardly ever agree
			rows = rows[:min(len(rows), 12)]
		}
		labels := load(t, rows)
		cfg := features.DefaultConfig()
		if rnd.IntN(2) == 0 {
			cfg.By = features.ByFlow
		}
		shift := rnd.Int64N(3) * 1_000_000_007
		j := NewJoiner(labels, &cfg, func() int64 { return shift })
		var want WindowReport
		for range 60 {
			first := (1_000_000_000+rnd.Int64N(100))*1000 + shift
			w := features.Window{
				Client: host(byte(rnd.IntN(3))), Target: host(byte(rnd.IntN(3))), Version: 4, First: first, Last: first + rnd.Int64N(60_000), Label: 9,
			}
			if cfg.By == features.ByFlow {
				w.ClientPort, w.TargetPort = uint16(rnd.IntN(3)), uint16(rnd.IntN(3))
			}
			var found [][2]string
			for _, r := range rows {
				same := w.Client == host(r.src) && w.Target == host(r.dst) && (cfg.By == features.ByPair || w.ClientPort == r.sport && w.TargetPort == r.dport)
				turned := w.Client == host(r.dst) && w.Target == host(r.src) && (cfg.By == features.ByPair || w.ClientPort == r.dport && w.TargetPort == r.sport)
				if r.proto == "tcp" && (same || turned) && missed(r.first*1000+shift, r.last*1000+shift, w.First, w.Last) <= 1000 {
					found = append(found, r.values())
				}
			}
			wanted := [2]string{"no label"}
			if len(found) > 0 {
				wanted = found[0]
				differ := [2]bool{}
				for _, other := range found {
					for c := range wanted {
						differ[c] = differ[c] || other[c] != found[0][c]
					}
				}
				for c := range wanted {
					if differ[c] {
						wanted[c] = ""
					}
				}
				switch differ {
				case [2]bool{}:
					want.Labelled++
				case [2]bool{true, true}:
					want.Ambiguous++
					wanted = [2]string{"no label"}
				default:
					want.Partial++
				}
			} else {
				want.Unlabelled++
			}
			one := []features.Window{w}
			j.Windows(one)
			if got := values(labels.WindowLabels().Rows, one[0].Label); got != wanted {
				t.Fatalf("round %d: window %v to %v: got %q, want %q", round, w.First, w.Last, got, wanted)
			}
		}
		if got := *j.Report().Windows; got != want {
			t.Fatalf("round %d: got %+v, want %+v", round, got, want)
		}
		all.Labelled += want.Labelled
		all.Partial += want.Partial
		all.Ambiguous += want.Ambiguous
		all.Unlabelled += want.Unlabelled
	}
	if min(all.Labelled, all.Partial, all.Ambiguous, all.Unlabelled) < 100 {
		t.Errorf("the random windows show too little: %+v", all)
	}
}

// Times at the ends of what there is, and a shift beyond them, match nothing and overflow nothing.
func TestJoinAtTheEndsOfTime(t *testing.T) {
	labels := load(t, []plainRow{{first: 1_000_000, last: 2_000_000, src: 1, dst: 2, proto: "udp", class: "a"}})
	for _, shift := range []int64{math.MinInt64, -1 << 62, 0, 1 << 62, math.MaxInt64} {
		j := NewJoiner(labels, nil, func() int64 { return shift })
		for _, time := range []int64{flowtable.MinClock, flowtable.MaxClock, math.MinInt64, math.MaxInt64} {
			j.Flows([]flowtable.Record{{Client: host(1), Server: host(2), Proto: packet.ProtoUDP, Version: 4, Start: time, End: time}})
		}
		if got := j.Report().Flows; got != (FlowReport{Unlabelled: 4}) {
			t.Errorf("shift %d: got %+v, want no label", shift, got)
		}
	}
}

func TestJoinAllocatesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	cfg := features.DefaultConfig()
	j := NewJoiner(load(t, randomRows(rnd, 200)), &cfg, nil)
	records := randomRecords(rnd, 100, 0)
	windows := []features.Window{{Client: host(1), Target: host(2), Version: 4, First: 1e12, Last: 1e12 + 1e5}}
	if n := testing.AllocsPerRun(10, func() { j.Flows(records); j.Windows(windows) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
