package sample

import (
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
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
