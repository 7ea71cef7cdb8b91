package ensemble

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// golden is what testdata/golden.py wrote.
type golden struct {
	Combine []struct {
		P                        []float64
		Cauchy, Fisher, Stouffer float64
	}
	Conformal struct{ Calib, Scores, P []float64 }
	Pareto    []struct {
		Shape, Scale float64
		X, SF        []float64
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// The values of the methods' page.
func TestGoldenValues(t *testing.T) {
	ps := []float64{.01, .2, .5}
	near(t, "Cauchy", Cauchy(ps), 0.028688, 5e-7)
	near(t, "Fisher", Fisher(ps), 0.031766, 5e-7)
	near(t, "Stouffer", Stouffer(ps), 0.033698, 5e-7)
	near(t, "NoisyOr", NoisyOr(0, []float64{.3, .5, .01, .2}), .7228, 1e-12)

	r := ring{limit: 100}
	for i := 1; i <= 9; i++ {
		r.add(float64(i) / 10)
	}
	near(t, "conformal", r.p(.85), .2, 1e-12)
}

func TestAgainstScipy(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Combine {
		near(t, "Cauchy", Cauchy(c.P), c.Cauchy, 1e-9)
		near(t, "Fisher", Fisher(c.P), c.Fisher, 1e-9)
		near(t, "Stouffer", Stouffer(c.P), c.Stouffer, 1e-9)
	}
	r := ring{limit: 1000}
	for _, s := range g.Conformal.Calib {
		r.add(s)
	}
	for i, s := range g.Conformal.Scores {
		near(t, "conformal", r.p(s), g.Conformal.P[i], 1e-11)
	}
	for _, c := range g.Pareto {
		for i, x := range c.X {
			near(t, "Pareto", tail{from: 3, share: 1, shape: c.Shape, scale: c.Scale}.p(3+x), c.SF[i], 1e-9)
		}
	}
}

// The ring is a plain list of the latest scores, kept sorted.
func TestRingHoldsTheLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := ring{limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		var all []float64
		for _, v := range rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(t, "scores") {
			r.add(float64(v))
			all = append(all, float64(v))
			last := slices.Clone(all[max(0, len(all)-r.limit):])
			slices.Sort(last)
			if !slices.Equal(r.sorted, last) {
				t.Fatalf("got %v, want %v", r.sorted, last)
			}
		}
	})
}

// Beyond the largest score the p-value goes on falling as the tail does: of exponential scores by half for each ln 2, down
// from 2 % at the 98th percentile. A bounded sample makes nothing impossible.
func TestTailBeyondTheLargest(t *testing.T) {
	r, n := ring{limit: 10_000}, 5000
	for i := range n {
		r.add(-math.Log(1 - (float64(i)+.5)/float64(n)))
	}
	for _, s := range []float64{10, 12, 15} {
		if ratio := r.p(s) / math.Exp(-s); ratio < .5 || ratio > 2 {
			t.Errorf("p(%v) = %v, want about %v", s, r.p(s), math.Exp(-s))
		}
	}
	near(t, "far out", r.p(1e6), minP, 0)
	uniform := ring{limit: 10_000}
	for i := range n {
		uniform.add(float64(i) / float64(n))
	}
	if p := uniform.p(1.0001); p < 1e-5 {
		t.Errorf("just beyond a bounded sample: got %v, want more", p)
	}
	same := ring{limit: 10_000}
	for range n {
		same.add(1)
	}
	near(t, "no tail", same.p(2), 1/float64(n+1), 1e-12)
}
