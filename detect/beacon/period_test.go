package beacon

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// beacon returns n gaps of a beacon in ms: uniform jitter of so large a part of the period, and lost contacts.
func beacon(r *rand.Rand, n int, period, jitter, lost float64) []float64 {
	gaps := make([]float64, 0, n)
	for gap := 0.0; len(gaps) < n; {
		gap += period * (1 + jitter*(2*r.Float64()-1))
		if r.Float64() >= lost {
			gaps, gap = append(gaps, gap), 0
		}
	}
	slices.Sort(gaps)
	return gaps
}

func TestFitSurvivesJitterAndLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cfg := DefaultConfig()
	for _, c := range []struct {
		gaps                      int
		jitter, lost, found, near float64 // share found at least, and how near the mean period is
	}{
		{9, 0.1, 0, 1, 0.01},
		{9, 0.1, 0.2, 0.95, 0.01},
		{20, 0.3, 0.2, 0.95, 0.03},
		{60, 0.5, 0, 0.99, 0.08},
		{60, 0.5, 0.2, 0.95, 0.08},
		{255, 0.5, 0.2, 1, 0.08},
	} {
		found, sum := 0.0, 0.0
		for range 400 {
			if f, ok := fit(beacon(r, c.gaps, 60000, c.jitter, c.lost)); ok && f.P <= cfg.MaxP && f.Jitter <= cfg.MaxJitter {
				found++
				sum += f.Period / 60000
			}
		}
		if found/400 < c.found || math.Abs(sum/found-1) > c.near {
			t.Errorf("%+v: found %.3f, period %.3f of the true one", c, found/400, sum/found)
		}
	}
}

// The share of random series that gain so much is at most what chance says.
func TestChanceBoundsTheGain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{9, 12, 20, 40} {
		const trials = 20000
		beyond := map[float64]int{0.1: 0, 0.01: 0, 0.001: 0}
		gaps := make([]float64, n)
		for range trials {
			for i := range gaps {
				gaps[i] = r.ExpFloat64() * 1000
			}
			slices.Sort(gaps)
			f, ok := fit(gaps)
			for p := range beyond {
				if ok && f.P <= p {
					beyond[p]++
				}
			}
		}
		for p, count := range beyond {
			if limit := p*trials + 4*math.Sqrt(p*trials); float64(count) > limit {
				t.Errorf("%d gaps: %d of %d series have p <= %v, want %.0f at most", n, count, trials, p, limit)
			}
		}
	}
}

// People come in bursts: nothing in them is regular, at whatever length.
func TestPeopleAreNoBeacons(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cfg := DefaultConfig()
	for trial := range 2000 {
		gaps := make([]float64, 12+trial%200)
		for i := range gaps {
			gaps[i] = math.Exp(r.NormFloat64()*1.5 + 8)
		}
		slices.Sort(gaps)
		if f, ok := fit(gaps); ok && f.P <= cfg.MaxP && f.Jitter <= cfg.MaxJitter {
			t.Fatalf("%+v of %.0f", f, gaps)
		}
	}
}

func TestContactsTogetherAreOne(t *testing.T) {
	times := []int64{20010, 0, 10, 10000, 30000, 10020, 20000, 30010}
	if got, want := gapsBetween(times, nil), []float64{10000, 10000, 10000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func BenchmarkFit(b *testing.B) {
	gaps := beacon(rand.New(rand.NewPCG(1, 2)), 255, 60000, 0.3, 0.1)
	for b.Loop() {
		fit(gaps)
	}
}
