package learn

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// generated names a data set that testdata/reference.py makes, too.
type generated struct {
	Kind string
	Seed uint64
	N, D int
	Rate float64
}

// uniform returns number k of splitmix64, 0 to 1.
func uniform(seed, k uint64) float64 {
	z := seed + (k+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>11) * 0x1p-53
}

// rows returns the rows of the set to fit to, and those to judge by: each third.
func (g generated) rows() (train, test *Rows) {
	all := &Rows{}
	for j := range g.D {
		all.Columns = append(all.Columns, "c"+strconv.Itoa(j))
	}
	for i := range g.N {
		x, y := g.row(i)
		all.Add(x, y, i)
	}
	var parts [2][]int
	for i := range g.N {
		parts[class(i%3 == 2)] = append(parts[class(i%3 == 2)], i)
	}
	return all.Select(parts[0]), all.Select(parts[1])
}

func (g generated) row(i int) (x []float64, y bool) {
	d := g.D
	u := func(j int) float64 { return uniform(g.Seed, uint64(i*(d+2)+j)*4) }
	noise := func(j int) float64 {
		k := uint64(i*(d+2)+j) * 4
		return (((uniform(g.Seed, k) + uniform(g.Seed, k+1)) + uniform(g.Seed, k+2)) + uniform(g.Seed, k+3) - 2) * 1.75
	}
	x, y = make([]float64, d), u(d) < g.Rate
	for j := range x {
		x[j] = noise(j)
		switch {
		case g.Kind == "shift":
			if j%3 == 0 && y {
				x[j] += .8
			}
			x[j] = x[j]*[]float64{.1, 1, 10, 100}[j%4] + float64(j)
		case g.Kind == "correlated" && j == d-1:
			x[j] = 5
		case g.Kind == "correlated":
			x[j] += .8 * noise(0)
			if j%4 == 1 && y {
				x[j]++
			}
		}
	}
	if g.Kind == "hidden" {
		near := 0.0
		if math.Abs(x[2]) < .6 {
			near = 1
		}
		y = x[0]*x[1]+near+.5*x[3]-.5+.5*noise(d) > 0
		if rate := map[bool]float64{true: .3, false: .1}[y]; u(d+1) < rate {
			x[4] = math.NaN()
		}
	}
	return x, y
}

// reference is what scikit-learn and scipy say: testdata/reference.py.
type reference struct {
	Linear []struct {
		generated
		Mean, Scale []float64
		SGD         []struct {
			RandomState uint32 `json:"random_state"`
			Weights     []float64
			Intercept   float64
			AUC         float64
			Called      string
		}
		Logistic []struct {
			C         float64
			Balanced  bool
			Weights   []float64
			Intercept float64
		}
	}
	Trees []struct {
		generated
		AUC     float64
		LogLoss float64 `json:"log_loss"`
	}
	Curves []struct {
		Y                                       []int
		S, P                                    []float64
		AUC, AP, Base, Brier, ECE               float64
		APBase                                  float64 `json:"ap_base"`
		LogLoss                                 float64 `json:"log_loss"`
		FPR, TPR, Thresholds, Precision, Recall []float64
		Isotonic, Platt                         []float64
	}
	Wilson [][4]float64
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func close(got, want, within float64) bool {
	return math.Abs(got-want) <= within*max(1, math.Abs(want))
}

// same fails where two lists differ by more than a share of 1 or of the value, whichever is larger.
func same(t *testing.T, what string, got, want []float64, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !close(got[i], want[i], within) {
			t.Fatalf("%s: value %d: got %v, want %v", what, i, got[i], want[i])
		}
	}
}
