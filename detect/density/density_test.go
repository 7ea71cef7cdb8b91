package density

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// minutes is so many flows in each of three minutes from 1 h, and in the middle one a large flow.
func minutes(n int, large uint64) (all []flowtable.Record) {
	for i := range 3 * n {
		at := int64(time.Hour) + int64(i)*int64(3*time.Minute)/int64(3*n)
		r := flowtable.Record{ID: uint64(i + 1), Version: 4, Client: packet.AddrFrom4([]byte{10, 0, 0, byte(i % 7)}), Proto: packet.ProtoTCP,
			Server: packet.AddrFrom4([]byte{10, 0, 1, 1}), ServerPort: 443, Written: at, Bytes: [2]uint64{uint64(500 + i*7919%900), uint64(2000 + i*104729%9000)}}
		if i == n+n/2 {
			r.Bytes[0] = large
		}
		all = append(all, r)
	}
	return all
}

// run returns what a detector says of records, which come so many at a time.
func run(t *testing.T, cfg Config, records []flowtable.Record, group int) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), records, group)
}

func TestLargeFlowAndItsTwin(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FlowsPerAlert = 100
	got := run(t, cfg, minutes(300, 50_000_000), 7)
	if len(got) != 1 || got[0].FlowID != 451 || got[0].Severity != detect.Informational || got[0].Status != detect.OK {
		t.Fatalf("got %+v", got)
	}
	if r := got[0].Reasons; len(r) != 3 || r[1].Feature != "distance" || r[2].Feature != "robust_distance" || r[0].Value < 5e7 || r[0].Baseline > 1e4 {
		t.Errorf("reasons %+v", r)
	}
	if got := run(t, cfg, minutes(300, 1000), 7); len(got) != 0 {
		t.Errorf("nothing large: got %+v", got)
	}
	if got := run(t, cfg, minutes(40, 50_000_000), 7); len(got) != 0 {
		t.Errorf("too few flows: got %+v", got)
	}
	if got := run(t, DefaultConfig(), minutes(300, 50_000_000), 7); len(got) != 0 {
		t.Errorf("before its turn: got %+v", got)
	}
}

func TestGroupsMeanNothing(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FlowsPerAlert, cfg.MaxFlows, cfg.Columns = 1, 2800, []string{"bytes", "up_down_ratio"}
	all := minutes(3000, 1<<40)
	detecttest.Grouping(t, func() detect.Detector { return New(cfg) }, all, 1)
}

// The scores are the furthest first, and those of a sample are degraded.
func TestScoresOfASample(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows = 1000
	d := New(cfg)
	flows := make([]detect.Flow, 1_000_000)
	record := flowtable.Record{Bytes: [2]uint64{1000, 0}}
	large := flowtable.Record{ID: 1, Bytes: [2]uint64{1 << 30, 0}}
	larger := flowtable.Record{ID: 2, Bytes: [2]uint64{1 << 31, 0}}
	for i := range flows {
		switch flows[i].Record = &record; i % 100_000 {
		case 5:
			flows[i].Record = &large
		case 6:
			flows[i].Record = &larger
		}
	}
	d.Flows(flows, nil)
	if got, want := d.Tables()[0], (detect.TableCount{Name: "flows", Entries: 1000, Cap: 1000, Rejected: 999_000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { d.Flows(flows[:100], nil) }); n != 0 {
		t.Errorf("%v allocations per 100 flows", n)
	}
	d.flows.Rows[10], d.flows.Flows[10].ID = 1<<30, 1
	d.flows.Rows[20], d.flows.Flows[20].ID = 1<<31, 2
	var got scores
	d.CloseBatch(detect.Batch{}, &got)
	if len(got) < 2 || got[0].FlowID != 2 || got[1].FlowID != 1 || got[0].Raw <= got[1].Raw || got[0].Status != detect.Degraded {
		t.Errorf("got %+v", got)
	}
}

type scores []detect.Score

func (s *scores) Alert(detect.Alert)   {}
func (s *scores) Score(x detect.Score) { *s = append(*s, x) }

// Where rows are single numbers their order is found once for both scalings; the result is that of scaling them first.
func TestColumnIsClusteredAsRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, column := range []string{"bytes", "up_down_ratio", "bytes_per_packet"} {
		for _, scaling := range []string{"plain", "robust", "both"} {
			cfg := DefaultConfig()
			cfg.Columns, cfg.Scaling, cfg.Eps = []string{column}, scaling, 0.1
			d := New(cfg)
			for range 3 { // what one leaves behind means nothing to the next
				for range 50 + rng.IntN(500) {
					r := flowtable.Record{Packets: [2]uint64{1 + rng.Uint64N(9)}, Bytes: [2]uint64{rng.Uint64() >> (20 + rng.IntN(40)), rng.Uint64N(4)}}
					d.flows.Add(&detect.Flow{Record: &r})
				}
				logs := slices.Clone(d.flows.Rows)
				d.flows.Logs(logs)
				sample.Robustly(logs, 1)
				values := slices.Clone(d.flows.Rows)
				sample.Standardise(values, 1)
				d.outliers()
				check(t, column+" plain", &d.plain, scaling != "robust", values)
				check(t, column+" robust", &d.robust, scaling != "plain", logs)
				d.flows.Reset(0)
			}
		}
	}
}

func check(t *testing.T, name string, got *Result, wanted bool, values []float64) {
	t.Helper()
	want := naive(values, 1, 0.1, 5)
	if !wanted {
		want = Result{}
	}
	if got.Clusters != want.Clusters || !slices.Equal(got.Labels, want.Labels) || !slices.Equal(got.Distance, want.Distance) {
		t.Errorf("%s: got %+v, want %+v", name, got, want)
	}
}
