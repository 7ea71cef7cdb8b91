package density

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/detect/sample"
)

// reference is what testdata/reference.py wrote.
type reference struct {
	Batches [][3]json.RawMessage // clusters, outliers, hash of the labels
	CTU     struct {
		Values []float64
		Labels [3]json.RawMessage
	}
	Scaled struct{ Rows, Plain, Robust []float64 }
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

func (r *splitmix) next(below uint64) uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) % below
}

type generated struct {
	rows    []float64
	dims    int
	eps     float64
	least   int
	scaling uint64
}

// generate makes the points of a batch, as batch of testdata/reference.py does.
func generate(number int) (g generated) {
	r := splitmix(number)
	g.dims = [...]int{1, 1, 1, 2, 3, 5}[r.next(6)]
	few := r.next(7) == 0
	n := 1 + r.next(map[bool]uint64{true: 6, false: 300}[few])
	set := r.next(4)
	g.eps, g.least = [...]float64{2.5, 0.5, 1, 2.5}[set], [...]int{5, 2, 3, 5}[set]
	g.scaling = r.next(3)
	kinds := make([]uint64, g.dims)
	for k := range kinds {
		kinds[k] = r.next(5)
	}
	repeat := r.next(2) == 1
	for i := range n {
		if repeat && i > 0 && r.next(4) == 0 {
			from := int(r.next(i)) * g.dims
			g.rows = append(g.rows, g.rows[from:from+g.dims]...)
			continue
		}
		for _, kind := range kinds {
			g.rows = append(g.rows, value(&r, kind))
		}
	}
	return g
}

func value(r *splitmix, kind uint64) float64 {
	switch kind {
	case 0:
		return float64(r.next(10))
	case 1:
		v := r.next(1000)
		return float64(v << r.next(30))
	case 2:
		return 7.1
	case 3:
		return [...]float64{0, 5, 10, 100}[r.next(4)]
	}
	return float64(r.next(200)) / 4
}

func (g *generated) scaled() []float64 {
	switch g.scaling {
	case 1:
		sample.Standardise(g.rows, g.dims)
	case 2:
		for i, x := range g.rows {
			g.rows[i] = math.Log1p(x)
		}
		sample.Robustly(g.rows, g.dims)
	}
	return g.rows
}

// summary is what the reference holds of labels.
func summary(r Result) string {
	var text []string
	outliers := 0
	for _, l := range r.Labels {
		text = append(text, fmt.Sprint(l))
		if l == Noise {
			outliers++
		}
	}
	h := fnv.New64a()
	h.Write([]byte(strings.Join(text, ",")))
	return fmt.Sprintf(`%d %d "%016x"`, r.Clusters, outliers, h.Sum64())
}

func want(of [3]json.RawMessage) string { return fmt.Sprintf("%s %s %s", of[0], of[1], of[2]) }

func TestLabelsAreScikitLearns(t *testing.T) {
	ref := readReference(t)
	if len(ref.Batches) != 1000 {
		t.Fatalf("%d batches", len(ref.Batches))
	}
	for i, b := range ref.Batches {
		g := generate(i)
		if got := summary(Cluster(g.scaled(), g.dims, g.eps, g.least)); got != want(b) {
			t.Errorf("batch %d (%d rows of %d, eps %v, min_samples %d, scaling %d): got %s, want %s",
				i, len(g.rows)/g.dims, g.dims, g.eps, g.least, g.scaling, got, want(b))
		}
	}
}

func TestSixLargeFlowsAreOutliers(t *testing.T) {
	ref := readReference(t)
	rows := slices.Clone(ref.CTU.Values)
	sample.Standardise(rows, 1)
	r := Cluster(rows, 1, 2.5, 5)
	if got := summary(r); got != want(ref.CTU.Labels) || r.Clusters != 1 {
		t.Errorf("got %s, want %s", got, want(ref.CTU.Labels))
	}
	for i, l := range r.Labels {
		if (l == Noise) != (i < 6) || (r.Distance[i] > 0) != (i < 6) {
			t.Errorf("flow %d of %v bytes: label %d, distance %v", i, ref.CTU.Values[i], l, r.Distance[i])
		}
	}
}

func TestScalesAreScikitLearns(t *testing.T) {
	ref := readReference(t).Scaled
	plain, robust := slices.Clone(ref.Rows), make([]float64, len(ref.Rows))
	for i, x := range ref.Rows {
		robust[i] = math.Log1p(x)
	}
	sample.Standardise(plain, 3)
	sample.Robustly(robust, 3)
	for i := range plain {
		if math.Abs(plain[i]-ref.Plain[i]) > 1e-12 || math.Abs(robust[i]-ref.Robust[i]) > 1e-12 {
			t.Errorf("value %d: %v and %v, want %v and %v", i, plain[i], robust[i], ref.Plain[i], ref.Robust[i])
		}
	}
}
