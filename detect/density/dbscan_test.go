package density

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect/sample"
)

func repeated(n int, x float64, more int, y float64) []float64 {
	return append(slices.Repeat([]float64{x}, n), slices.Repeat([]float64{y}, more)...)
}

func TestKnownLabels(t *testing.T) {
	for _, c := range []struct {
		name     string
		rows     []float64
		standard bool
		want     []int32
	}{
		{"a border point exactly eps away", []float64{0, .5, 1, 1.5, 2, 4.5, 7}, false, []int32{0, 0, 0, 0, 0, 0, -1}},
		{"five equal ones far away are a cluster", repeated(45, 0, 5, 5), true, append(make([]int32, 45), 1, 1, 1, 1, 1)},
		{"four are none", repeated(46, 0, 4, 5), true, append(make([]int32, 46), -1, -1, -1, -1)},
		{"too few rows", []float64{1, 1, 1, 1}, true, []int32{-1, -1, -1, -1}},
		{"a constant", repeated(9, 3.3, 0, 0), true, make([]int32, 9)},
		{"nothing", nil, true, []int32{}},
	} {
		for _, dims := range []int{1, 2} {
			rows := c.rows
			if dims == 2 { // beside a column that says nothing: by the tree
				rows = make([]float64, 2*len(c.rows))
				for i, x := range c.rows {
					rows[2*i] = x
				}
			}
			rows = slices.Clone(rows)
			if c.standard {
				sample.Standardise(rows, dims)
			}
			if got := Cluster(rows, dims, 2.5, 5).Labels; !slices.Equal(got, c.want) {
				t.Errorf("%s, %d columns: got %v, want %v", c.name, dims, got, c.want)
			}
		}
	}
}

// naive is DBSCAN as it is defined.
func naive(rows []float64, dims int, eps float64, least int) Result {
	n := len(rows) / dims
	dist2 := func(i, j int) (sum float64) {
		for k := range dims {
			d := rows[i*dims+k] - rows[j*dims+k]
			sum += d * d
		}
		return sum
	}
	r := Result{Labels: slices.Repeat([]int32{Noise}, n), Distance: make([]float64, n)}
	core := make([]bool, n)
	for i := range n {
		near := 0
		for j := range n {
			if dist2(i, j) <= eps*eps {
				near++
			}
		}
		core[i] = near >= least
	}
	for i := range n {
		if !core[i] || r.Labels[i] != Noise {
			continue
		}
		for todo := []int{i}; len(todo) > 0; {
			p := todo[0]
			todo = todo[1:]
			if r.Labels[p] != Noise {
				continue
			}
			r.Labels[p] = int32(r.Clusters)
			for q := range n {
				if core[p] && r.Labels[q] == Noise && dist2(p, q) <= eps*eps {
					todo = append(todo, q)
				}
			}
		}
		r.Clusters++
	}
	for i := range n {
		if r.Labels[i] == Noise {
			r.Distance[i] = math.Inf(1)
			for j := range n {
				if core[j] {
					r.Distance[i] = min(r.Distance[i], math.Sqrt(dist2(i, j)))
				}
			}
		}
	}
	return r
}

func TestClusterIsDBSCAN(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		dims, n := 1+round%4, 1+rng.IntN(120)
		rows := make([]float64, n*dims)
		for i := range rows {
			if rows[i] = float64(rng.IntN(40)) / 2; round%3 == 0 {
				rows[i] = rng.NormFloat64() * 5
			}
		}
		eps, least := float64(1+rng.IntN(6))/2, 1+rng.IntN(6)
		got, want := Cluster(rows, dims, eps, least), naive(rows, dims, eps, least)
		if got.Clusters != want.Clusters || !slices.Equal(got.Labels, want.Labels) || !slices.Equal(got.Distance, want.Distance) {
			t.Fatalf("round %d: %d rows of %d, eps %v, min_samples %d:\n got %v\nwant %v", round, n, dims, eps, least, got, want)
		}
	}
}

func BenchmarkCluster(b *testing.B) {
	for _, c := range []struct {
		name string
		dims int
	}{{"1-D", 1}, {"2-D", 2}, {"4-D", 4}} {
		rng := rand.New(rand.NewPCG(5, 6))
		rows := make([]float64, 100_000*c.dims)
		for i := range rows {
			rows[i] = math.Exp(7 + 2*rng.NormFloat64())
		}
		sample.Standardise(rows, c.dims)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				Cluster(rows, c.dims, 2.5, 5)
			}
		})
	}
}
