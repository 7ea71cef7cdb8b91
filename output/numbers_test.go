package output

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestNumbers writes numbers of every size again and again, and shares of few packets, which take each other's places.
func TestNumbers(t *testing.T) {
	values := append([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), -2.5, math.MaxFloat64, -math.MaxFloat64,
		math.SmallestNonzeroFloat64}, extremeNumbers...)
	for _, edge := range []float64{1e-4, 1e6, 1, 10, 1e5, 1e21} {
		values = append(values, edge, math.Nextafter(edge, 0), math.Nextafter(edge, math.Inf(1)))
	}
	for n := range 60 {
		for k := range n + 1 {
			values = append(values, float64(k)/float64(max(n, 1)))
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		values = append(values, rnd.Float64()*math.Pow10(rnd.IntN(16)-6), math.Float64frombits(rnd.Uint64()))
	}
	var m numbers
	for range 100_000 {
		v := values[rnd.IntN(len(values))]
		want := strconv.FormatFloat(v, 'g', -1, 64)
		if got := string(m.append(make([]byte, 0, 2*shortText), v)); got != want {
			t.Fatalf("%b: got %s, want %s", v, got, want)
		}
	}
}
