package detect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/flowtable"
)

// orderModel is what an Order does, with a plain list that is searched each time.
func orderModel(times []int64, hold int, grace int64) (log []string, counts OrderCounters) {
	type waiting struct {
		id   int
		time int64
	}
	var list []waiting
	last, begun := int64(0), false
	pass := func() {
		first := 0
		for i := range list {
			if list[i].time < list[first].time {
				first = i
			}
		}
		log = append(log, fmt.Sprintf("flow %d at %d local false", list[first].id, list[first].time))
		last, begun = list[first].time, true
		list = slices.Delete(list, first, first+1)
		counts.Judged++
	}
	for id, at := range times {
		counts.In++
		if begun && at < last-grace {
			counts.Late++
			continue
		}
		if begun && at < last {
			counts.Clamped++
			at = last
		}
		list = append(list, waiting{id, at})
		if len(list) > hold {
			pass()
		}
	}
	for len(list) > 0 {
		pass()
	}
	return log, counts
}

func TestOrderIsThatOfAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.Reorder = rapid.IntRange(1, 20).Draw(t, "hold")
		cfg.Lateness = time.Duration(rapid.IntRange(0, 5).Draw(t, "lateness"))
		times := rapid.SliceOfN(rapid.Int64Range(-3, 30), 0, 100).Draw(t, "times")
		d := &told{name: "told"}
		o := NewOrder(cfg, NewEngine(cfg, []Detector{d}, &alertList{}))
		var records []flowtable.Record
		for i, at := range times {
			records = append(records, flowtable.Record{ID: uint64(i), Version: 4, Start: at})
		}
		for len(records) > 0 {
			n := rapid.IntRange(1, len(records)).Draw(t, "batch")
			var flows []Flow
			for i := range records[:n] {
				flows = append(flows, Flow{Record: &records[i], Time: records[i].Start})
			}
			if err := o.Judge(flows); err != nil {
				t.Fatal(err)
			}
			for i := range records[:n] {
				records[i] = flowtable.Record{} // they were borrowed
			}
			records = records[n:]
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		want, counts := orderModel(times, cfg.Reorder, int64(cfg.Lateness))
		if diff := cmp.Diff(want, d.log); diff != "" {
			t.Errorf("judged, -want +got:\n%s", diff)
		}
		if o.Counters() != counts {
			t.Errorf("counted: got %+v, want %+v", o.Counters(), counts)
		}
		if counts.In != counts.Judged+counts.Late {
			t.Errorf("the books do not balance: %+v", counts)
		}
	})
}
