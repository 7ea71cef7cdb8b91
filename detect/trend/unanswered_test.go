package trend

import (
	"testing"
	"unsafe"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
)

// A host that asks as much as ever and gets no answers any more is a rise of what is not answered, one that asks far more one of
// what it asks: one alert each.
func TestUnansweredFlowsOfAHostRise(t *testing.T) {
	busy := func(perStep int, unanswered bool, from, to int) (flows []flowtable.Record) {
		for step := from; step < to; step++ {
			for i := range perStep {
				at := float64(step)*10 + 9*float64(i)/float64(perStep)
				r := flow(inside, other+uint32(i), at)
				if unanswered {
					r = attempt(inside, other+uint32(i), at)
				}
				flows = append(flows, r)
			}
		}
		return flows
	}
	for name, c := range map[string]struct {
		after []flowtable.Record
		want  string
	}{
		"as ever":       {busy(150, false, 40, 43), ""},
		"no answers":    {busy(150, true, 40, 43), "flows_unanswered"},
		"far more":      {busy(1000, false, 40, 43), "flows_opened"},
		"a sudden scan": {busy(1000, true, 40, 43), "flows_opened"},
	} {
		cfg := DefaultConfig()
		cfg.FloodFlows, cfg.SYNFlows = 1_000_000, 1_000_000 // not what this is about
		alerts := run(t, cfg, append(busy(150, false, 0, 40), c.after...))
		var got []string
		for _, a := range alerts {
			if a.Kind == "rise" && a.Subject.Addr == detecttest.IPv4(inside) {
				got = append(got, a.Key)
			}
		}
		if c.want == "" && got != nil || c.want != "" && (len(got) != 1 || got[0] != c.want) {
			t.Errorf("%s: got rises of %q, want %q", name, got, c.want)
		}
	}
}

// docs/DETECTORS.md says what a host takes.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(host{}); n > 104 {
		t.Errorf("a host takes %d bytes", n)
	}
	if n := unsafe.Sizeof([roles]dispersal{}); n > 150 {
		t.Errorf("the entropies of a host take %d bytes", n)
	}
	if n := unsafe.Sizeof(hostSpectrum{}); n > 4200 {
		t.Errorf("a spectrum takes %d bytes", n)
	}
	if n := unsafe.Sizeof([quantities]season{}); n > 3700 {
		t.Errorf("the seasons of a host take %d bytes", n)
	}
}
