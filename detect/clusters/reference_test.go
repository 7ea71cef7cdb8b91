package clusters

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// reference is what testdata/reference.py wrote.
type reference struct {
	KMeans    [][2]any // inertia, hash of the labels
	MiniBatch [][]float64
	MeanShift [][2]any // clusters, hash of the labels
	PCA       struct {
		Rows, Mean, Variance []float64
		Components           [][]float64
		Projected, Q, T2     []float64
	}
	Subspace struct {
		Q, T2  []float64
		Weight float64
	}
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// splitmix is the generator that testdata/reference.py has, too.
type splitmix uint64

func (r *splitmix) next(below int) int {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(below))
}

// generate makes points, a start and a bandwidth, as batch of testdata/reference.py does.
func generate(number int) (rows, start []float64, dims int, bandwidth float64) {
	r := splitmix(number)
	dims = 1 + r.next(4)
	n := 20 + r.next(200)
	k := 1 + r.next(8)
	groups := make([]float64, dims*(1+r.next(6)))
	for i := range groups {
		groups[i] = float64(r.next(1<<20)) / 1024
	}
	width := float64(1 + r.next(300))
	for range n {
		g := groups[r.next(len(groups)/dims)*dims:]
		for d := range dims {
			rows = append(rows, g[d]+(float64(r.next(1<<30))/(1<<30)-.5)*width)
		}
	}
	for range k {
		i := r.next(n)
		start = append(start, rows[i*dims:(i+1)*dims]...)
	}
	if r.next(4) == 0 && k > 1 {
		for d := range dims {
			start[d] = 1e6
		}
	}
	return rows, start, dims, float64(40 + r.next(200))
}

func hash(labels []int32) string {
	var text []string
	for _, l := range labels {
		text = append(text, fmt.Sprint(l))
	}
	h := fnv.New64a()
	h.Write([]byte(strings.Join(text, ",")))
	return fmt.Sprintf("%016x", h.Sum64())
}

func TestKMeansIsScikitLearns(t *testing.T) {
	ref := readReference(t).KMeans
	if len(ref) != 500 {
		t.Fatalf("%d batches", len(ref))
	}
	for i, want := range ref {
		rows, start, dims, _ := generate(i)
		got := KMeans(rows, dims, start)
		inertia := want[0].(float64)
		if hash(got.Labels) != want[1] || math.Abs(got.Inertia-inertia) > 1e-9*inertia {
			t.Errorf("batch %d (%d rows of %d, k %d): inertia %v, want %v; labels equal: %v", i, len(rows)/dims, dims, len(start)/dims,
				got.Inertia, inertia, hash(got.Labels) == want[1])
		}
	}
}

func TestMiniBatchIsScikitLearns(t *testing.T) {
	ref := readReference(t).MiniBatch
	if len(ref) != 100 {
		t.Fatalf("%d batches", len(ref))
	}
	for i, want := range ref {
		rows, start, dims, _ := generate(i)
		got := MiniBatch(rows, dims, start, 32, 1)
		for k := range want {
			if math.Abs(got.Centres[k]-want[k]) > 1e-9*max(1, math.Abs(want[k])) {
				t.Errorf("batch %d (%d rows of %d): centres %v, want %v", i, len(rows)/dims, dims, got.Centres, want)
				break
			}
		}
	}
}

// Of many points its clusters are nearly as close as those of k-means, and their labels are those of the points as they are.
func TestMiniBatchOfManyPoints(t *testing.T) {
	r := splitmix(7)
	var points []float64
	for i := range 30_000 {
		for d := range 3 {
			points = append(points, float64(i%6*(d+1)*40%97)+float64(r.next(1000))/100)
		}
	}
	few := bestOfBatches(points, 3, 6, 3, rand.New(rand.NewPCG(1, 0)))
	all := Best(points, 3, 6, 3, rand.New(rand.NewPCG(1, 0)))
	if few.Inertia > 1.02*all.Inertia {
		t.Errorf("inertia %v, of k-means %v", few.Inertia, all.Inertia)
	}
	for i, l := range few.Labels {
		if best, _ := nearest(points[3*i:3*i+3], few.Centres); best != l {
			t.Fatalf("point %d has label %d, its nearest centre is %d", i, l, best)
		}
	}
	if again := bestOfBatches(points, 3, 6, 3, rand.New(rand.NewPCG(1, 0))); !slices.Equal(again.Labels, few.Labels) {
		t.Error("another run has other labels")
	}
	if one := bestOfBatches([]float64{1, 2, 3}, 3, 8, 3, rand.New(rand.NewPCG(1, 0))); len(one.Centres) != 3 {
		t.Errorf("of one point: %v", one.Centres)
	}
}

func BenchmarkMiniBatch(b *testing.B) {
	points := make([]float64, 400_000)
	r := splitmix(3)
	for i := range points {
		points[i] = float64(r.next(1<<20)) / 1024
	}
	for name, run := range map[string]func(*rand.Rand){
		"batches": func(rng *rand.Rand) { bestOfBatches(points, 4, 8, starts, rng) },
		"lloyd":   func(rng *rand.Rand) { Best(points, 4, 8, starts, rng) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run(rand.New(rand.NewPCG(1, 0)))
			}
		})
	}
}

func TestMeanShiftIsScikitLearns(t *testing.T) {
	ref := readReference(t).MeanShift
	if len(ref) != 200 {
		t.Fatalf("%d batches", len(ref))
	}
	for i, want := range ref {
		rows, _, dims, bandwidth := generate(i)
		got := MeanShift(rows, dims, bandwidth)
		if n := len(got.Centres) / dims; hash(byFirst(got.Labels)) != want[1] || float64(n) != want[0] {
			t.Errorf("batch %d (%d rows of %d, bandwidth %v): %d clusters, want %v", i, len(rows)/dims, dims, bandwidth, n, want[0])
		}
	}
}

// byFirst numbers clusters by their first points.
func byFirst(labels []int32) []int32 {
	seen := map[int32]int32{}
	all := make([]int32, len(labels))
	for i, l := range labels {
		if _, ok := seen[l]; !ok {
			seen[l] = int32(len(seen))
		}
		all[i] = seen[l]
	}
	return all
}

func TestMeanShiftOfKnownLengths(t *testing.T) {
	rows := slices.Concat(slices.Repeat([]float64{100}, 5), slices.Repeat([]float64{101}, 4), slices.Repeat([]float64{102}, 3),
		slices.Repeat([]float64{500}, 9), slices.Repeat([]float64{503}, 2))
	for _, c := range []struct {
		bandwidth float64
		want      []int // members of 100, 101, 102, 500, 503
		centres   []float64
	}{
		{3, []int{0, 0, 0, 1, 1}, []float64{1210. / 12, 5506. / 11}},
		{1, []int{0, 0, 0, 1, 2}, []float64{904. / 9, 500, 503}},
	} {
		got := MeanShift(rows, 1, c.bandwidth)
		for i, at := range []int{0, 5, 9, 12, 21} {
			if got.Labels[at] != int32(c.want[i]) {
				t.Errorf("bandwidth %v: %v is in cluster %d, want %d", c.bandwidth, rows[at], got.Labels[at], c.want[i])
			}
		}
		for i, want := range c.centres {
			if math.Abs(got.Centres[i]-want) > 1e-9 {
				t.Errorf("bandwidth %v: centres %v, want %v", c.bandwidth, got.Centres, c.centres)
				break
			}
		}
	}
}

func TestPCAIsScikitLearns(t *testing.T) {
	ref := readReference(t).PCA
	p, ok := NewPCA(ref.Rows, 4)
	if !ok {
		t.Fatal("failed")
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	for k := range 4 {
		near("mean", p.Mean[k], ref.Mean[k])
		near("variance", p.Variance[k], ref.Variance[k])
		for j := range 4 {
			near("component", p.Components[k][j], ref.Components[k][j])
		}
	}
	for i := range ref.Q {
		row := ref.Rows[4*i : 4*i+4]
		at := p.Project(nil, row, 2)
		near("first", at[0], ref.Projected[2*i])
		near("second", at[1], ref.Projected[2*i+1])
		q, t2 := p.Residual(row, 2)
		near("q", q, ref.Q[i])
		near("t2", t2, ref.T2[i])
	}
	if _, ok := NewPCA([]float64{1, math.NaN(), 3, 4}, 2); ok {
		t.Error("of NaN it did not fail")
	}
}

func TestSubspaceIsNumpys(t *testing.T) {
	ref := readReference(t)
	s, rows := NewSubspace(4), ref.PCA.Rows
	for i := range len(rows) / 4 {
		if i > 0 && i%10 == 0 {
			s.Forget(0.5)
		}
		s.Add(rows[4*i:4*i+4], []float64{1, .25, 1, 3}[i%4])
	}
	p, ok := s.plane()
	if !ok || math.Abs(s.Weight()-ref.Subspace.Weight) > 1e-12 {
		t.Fatalf("ok is %v, weight %v, want %v", ok, s.Weight(), ref.Subspace.Weight)
	}
	for i := range ref.Subspace.Q {
		q, t2 := p.residual(rows[4*i:4*i+4], 2)
		if want := ref.Subspace.Q[i]; math.Abs(q-want) > 1e-9 {
			t.Errorf("row %d: q is %v, want %v", i, q, want)
		}
		if want := ref.Subspace.T2[i]; math.Abs(t2-want) > 1e-9 {
			t.Errorf("row %d: t2 is %v, want %v", i, t2, want)
		}
	}
}
