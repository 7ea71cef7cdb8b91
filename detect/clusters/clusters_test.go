package clusters

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// kinds is so many flows of two kinds, and in the middle one of odd bytes up.
func kinds(n int, odd uint64) (all []flowtable.Record) {
	for i := range n {
		at := int64(time.Hour) + int64(i)*int64(time.Second)
		r := flowtable.Record{ID: uint64(i + 1), Version: 4, Client: packet.AddrFrom4([]byte{10, 0, 0, byte(i % 7)}), Proto: packet.ProtoTCP,
			Server: packet.AddrFrom4([]byte{10, 0, 1, 1}), ServerPort: 443, Written: at, Start: at, End: at + int64(1+i%3)*1e9,
			Bytes: [2]uint64{uint64(500 + i*7919%300), uint64(2000 + i*104729%900)}, Packets: [2]uint64{5, 6}}
		if i%2 == 0 {
			r.Bytes, r.Packets = [2]uint64{uint64(70 + i%9), uint64(120 + i%40)}, [2]uint64{1, 1}
		}
		if i == n/2 {
			r.Bytes[0] = odd
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

func TestOddFlowAndItsTwin(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"k-means":    func(*Config) {},
		"mean shift": func(c *Config) { c.Method = "mean_shift" },
		"PCA":        func(c *Config) { c.Components = 3 },
		"an hour":    func(c *Config) { c.Batch = time.Hour },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		got := run(t, cfg, kinds(1000, 1<<33), 7)
		if len(got) != 1 || got[0].FlowID != 501 || got[0].Severity != detect.Informational {
			t.Errorf("%s: got %+v", name, got)
			continue
		}
		if cfg.Batch == 0 && (got[0].WindowStart != int64(time.Hour) || got[0].WindowEnd != got[0].Time) {
			t.Errorf("%s: got window %d to %d, alert at %d", name, got[0].WindowStart, got[0].WindowEnd, got[0].Time)
		}
		if got := run(t, cfg, kinds(1000, 75), 7); len(got) != 0 {
			t.Errorf("%s, nothing odd: got %+v", name, got)
		}
	}
	if got := run(t, DefaultConfig(), kinds(90, 1<<33), 7); len(got) != 0 {
		t.Errorf("too few flows: got %+v", got)
	}
}

func TestGroupsMeanNothing(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxFlows, cfg.Far = 900, 2
	all := kinds(1000, 1<<33)
	detecttest.Grouping(t, func() detect.Detector { return New(cfg) }, all, 1)
}

// Among well separated groups the best of several starts finds each.
func TestPlusPlusFindsGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var points []float64
	sum := 0.0
	for g := range 8 {
		for range 50 {
			x, y := rng.NormFloat64(), rng.NormFloat64()
			points = append(points, float64(g%3)*100+x, float64(g/3)*100+y)
			sum += x*x + y*y
		}
	}
	c := Best(points, 2, 8, 10, rng)
	if c.Inertia > sum {
		t.Errorf("inertia %v, about the true centres it is %v", c.Inertia, sum)
	}
	for i := 1; i < 400; i++ {
		if same := c.Labels[i] == c.Labels[i-1]; same != (i%50 != 0) {
			t.Fatalf("points %d and %d: labels %d and %d", i-1, i, c.Labels[i-1], c.Labels[i])
		}
	}
}

func TestFewerPointsThanClusters(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, points := range [][]float64{{5}, {1, 2, 3}, {4, 4, 4, 4}} {
		if c := Best(points, 1, 8, 3, rng); c.Inertia != 0 || len(c.Labels) != len(points) {
			t.Errorf("%v: got %+v", points, c)
		}
	}
}

func TestFarFromEveryCentre(t *testing.T) {
	points := []float64{9, 11, 9, 11, 10, 10, 10, 10, 50, 50, 50, 50, 50, 100}
	c := Clustering{Centres: []float64{10, 50, 100}, Labels: []int32{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2}}
	got := far(points, 1, c)
	// The first centre's median is 0.5, the second's, with the lone point at 100 that counts for no centre, 0: there it
	// is the median of 1, 1, 1, 1, 50.
	want := []float64{2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := far([]float64{1, 2}, 1, Clustering{Centres: []float64{1.5}, Labels: []int32{0, 0}}); !slices.Equal(got, []float64{0, 0}) || math.IsNaN(got[0]) {
		t.Errorf("without a centre that counts: got %v", got)
	}
}
