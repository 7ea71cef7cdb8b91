package clusters

import (
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// asPCA returns a configuration of the method pca with batches of a minute.
func asPCA() Config {
	cfg := DefaultConfig()
	cfg.Method, cfg.Batch, cfg.Components = methodPCA, time.Minute, 2
	return cfg
}

// A flow is judged by the flows of batches before its own, and by nothing after it.
func TestPlaneIsOfTheBatchesBefore(t *testing.T) {
	cfg := asPCA()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	got := run(t, cfg, kinds(1000, 1<<33), 7)
	if len(got) != 1 || got[0].FlowID != 501 || got[0].Severity != detect.Informational || got[0].WindowEnd-got[0].WindowStart != int64(time.Minute) {
		t.Errorf("got %+v, want one alert about flow 501", got)
	}
	if alone := run(t, cfg, kinds(1000, 1<<33)[:520], 7); len(alone) != 1 || alone[0].Score != got[0].Score {
		t.Errorf("without what comes after it: got %+v", alone)
	}
	if got := run(t, cfg, kinds(1000, 75), 7); len(got) != 0 {
		t.Errorf("nothing odd: got %+v", got)
	}
	if got := run(t, cfg, kinds(60, 1<<33), 7); len(got) != 0 {
		t.Errorf("an odd flow before there is a plane: got %+v", got)
	}
}

// One odd flow now and then stays odd; what becomes usual is learnt.
func TestLastingChangeIsLearnt(t *testing.T) {
	cfg := asPCA()
	cfg.HalfLife = 10 * time.Minute
	flows := kinds(12_000, 75)
	odd := slices.Clone(flows)
	for i := range odd {
		if i%1000 == 999 {
			odd[i].Bytes[0] = 1 << 33
		}
	}
	if got := run(t, cfg, odd, 100); len(got) != 12 {
		t.Errorf("12 odd flows: got %d alerts", len(got))
	}
	for i := range flows[6000:] {
		if i%2 == 0 {
			flows[6000+i].Bytes[0] = 1 << 33
		}
	}
	by := map[bool]int{}
	for _, a := range run(t, cfg, flows, 100) {
		by[a.FlowID > 9000]++
	}
	if by[false] == 0 || by[true] != 0 {
		t.Errorf("a lasting change: got %d alerts in the first 50 minutes and %d after them", by[false], by[true])
	}
}

// Two are told apart by the plane only: each number is usual, but not both together.
func TestOffThePlane(t *testing.T) {
	cfg := asPCA()
	cfg.Columns, cfg.Components = []string{"bytes_up", "bytes_down"}, 1
	flows := kinds(1000, 75)
	for i := range flows {
		up := uint64(1000 << (i % 8))
		flows[i].Bytes = [2]uint64{up + uint64(i%13), 3*up + uint64(i%29)}
	}
	flows[500].Bytes = [2]uint64{1000, 3000 << 7}
	if got := run(t, cfg, flows, 10); len(got) != 1 || got[0].FlowID != 501 {
		t.Errorf("got %+v, want one alert about flow 501", got)
	}
}

func TestPCANeedsBatchAndComponents(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no batch":          func(c *Config) { c.Batch = 0 },
		"no components":     func(c *Config) { c.Components = 0 },
		"nothing left over": func(c *Config) { c.Components = len(c.Columns) },
		"no half-life":      func(c *Config) { c.HalfLife = 0 },
	} {
		cfg := asPCA()
		change(&cfg)
		if cfg.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
