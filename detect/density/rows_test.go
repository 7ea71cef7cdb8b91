package density

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sample"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// drips is three minutes of flows that are 5-tuples of their own, but for those of every 20th client port in the middle one:
// of one 5-tuple, or of as many as there are.
func drips(one bool) []flowtable.Record {
	all := minutes(1000, 1000)
	for i := range all {
		all[i].ClientPort = uint16(2000 + i)
		if one && i/1000 == 1 && i%20 == 0 {
			all[i].ClientPort, all[i].Client = 1999, detecttest.IPv4(10<<24+3)
		}
	}
	return all
}

func TestManySmallFlowsOfATuple(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FlowsPerAlert, cfg.Rows, cfg.Scaling = 100, sample.ByTuple, "plain"
	got := run(t, cfg, drips(true), 7)
	if len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	a := got[0]
	if a.Subject.Addr != detecttest.IPv4(10<<24+3) || a.Evidence.Total != 50 || a.Evidence.IDs()[0] != 1001 || a.Evidence.IDs()[9] != 1181 || a.FlowID != 0 ||
		a.ServerPort != 443 || !a.HasPort || a.N != 951 || a.Status != detect.OK || a.Reasons[0].Value < 50*2500 {
		t.Errorf("got %+v", a)
	}
	if got := run(t, cfg, drips(false), 7); len(got) != 0 {
		t.Errorf("as many 5-tuples: got %+v", got)
	}
	cfg.Rows = sample.ByFlow
	if got := run(t, cfg, drips(true), 7); len(got) != 0 {
		t.Errorf("flows, of which none is large: got %+v", got)
	}
}

// Grouping of the calls means nothing, also where aggregates are split and rows are left out.
func TestGroupsOfAggregatesMeanNothing(t *testing.T) {
	for _, rows := range []string{sample.ByTuple, sample.ByPair} {
		for _, max := range []int{100, 50_000} {
			cfg := DefaultConfig()
			cfg.FlowsPerAlert, cfg.MinFlows, cfg.MaxFlows, cfg.Rows, cfg.MinSamples = 1, 2, max, rows, 2
			cfg.Eps, cfg.Columns = 0.2, []string{"bytes", "up_down_ratio"}
			detecttest.Grouping(t, func() detect.Detector { return New(cfg) }, drips(true), 1)
		}
	}
}

// A million aggregates fill tables that do not grow, and what is said of them is degraded until the next batch.
func TestCapsOfAggregates(t *testing.T) {
	for rows, tables := range map[string]string{sample.ByTuple: "tuples", sample.ByPair: "pairs, server ports, client ports"} {
		cfg := DefaultConfig()
		cfg.Rows, cfg.MaxFlows, cfg.FlowsPerAlert, cfg.Eps = rows, 1000, 1, 0.01
		d := New(cfg)
		r := flowtable.Record{Version: 4, Proto: packet.ProtoTCP, Server: detecttest.IPv4(1)}
		f := []detect.Flow{{Record: &r, Time: int64(time.Hour)}}
		fill := func(n int) {
			for i := range n {
				r.Client, r.ClientPort, r.Bytes[0] = detecttest.IPv4(uint32(i)), uint16(i), uint64(i%97)<<(i%40)
				d.Flows(f, nil)
			}
		}
		fill(1_000_000)
		allocations := testing.AllocsPerRun(3, func() { fill(1000) })
		if allocations != 0 {
			t.Errorf("%s: %v allocations per 1000 flows", rows, allocations)
		}
		var got scores
		d.CloseBatch(detect.Batch{}, &got)
		if len(got) == 0 || got[0].Status != detect.Degraded || got[0].FlowID != 0 {
			t.Errorf("%s: scores %.300v", rows, fmt.Sprint(got))
		}
		if counts := d.Tables(); counts[0].Name != "rows" || counts[0].Rejected < 999_000 {
			t.Errorf("%s: %+v", rows, counts)
		}
		var names []string
		for _, c := range d.Tables()[1:] {
			names = append(names, c.Name)
			detecttest.Bounded(t, d, c.Name)
		}
		if got := strings.Join(names, ", "); got != tables {
			t.Errorf("%s: tables %s", rows, got)
		}
		got, f[0].Time = nil, f[0].Time+int64(time.Hour)
		fill(900)
		d.CloseBatch(detect.Batch{}, &got)
		if len(got) == 0 || got[0].Status != detect.OK {
			t.Errorf("%s: scores of a small batch %.300v", rows, fmt.Sprint(got))
		}
	}
}
