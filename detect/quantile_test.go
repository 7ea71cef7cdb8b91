package detect

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func TestQuantileIsNumpys(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/quantile.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                 string
		Values, Shares, Want []float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		for i, share := range c.Shares {
			if got := Quantile(slices.Clone(c.Values), share); got != c.Want[i] {
				t.Errorf("%s at %v = %v, want %v", c.Name, share, got, c.Want[i])
			}
		}
	}
	if got := Quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("of nothing = %v, want NaN", got)
	}
}

// Whatever the order and the ties, the k-th value is that of the sorted list, and nothing is lost.
func TestNthIsTheSortedValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		values := make([]float64, 1+rng.IntN(500))
		for i := range values {
			values[i] = float64(rng.IntN(1 + round*2))
		}
		sorted := slices.Sorted(slices.Values(values))
		k := rng.IntN(len(values))
		if got := nth(values, k); got != sorted[k] {
			t.Fatalf("value %d of %d = %v, want %v", k, len(values), got, sorted[k])
		}
		if slices.Sort(values); !slices.Equal(values, sorted) {
			t.Fatal("values were lost")
		}
	}
}
