package learn

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

func TestTreesAreAsGoodAsScikitLearns(t *testing.T) {
	for _, want := range readReference(t).Trees {
		train, test := want.rows()
		c := DefaultTrees()
		c.Balanced = false
		m, err := c.Fit(train)
		if err != nil {
			t.Fatal(err)
		}
		auc := NewROC(m.Scores(test), test.Positive).AUC()
		var p []float64
		for i := range test.Len() {
			p = append(p, m.Probability(test.Row(i), m.Share))
		}
		t.Logf("%s: AUC %.4f, scikit-learn's %.4f; log-loss %.4f, %.4f; %d trees", want.Kind, auc, want.AUC,
			LogLoss(p, test.Positive), want.LogLoss, m.Trees.Trees())
		if auc < want.AUC-.005 || LogLoss(p, test.Positive) > want.LogLoss+.01 {
			t.Errorf("%s: AUC %v, want %v; log-loss %v, want %v", want.Kind, auc, want.AUC, LogLoss(p, test.Positive), want.LogLoss)
		}
	}
}

// smallTrees fit all rows, of which there are few.
func smallTrees() Trees {
	c := DefaultTrees()
	c.Validation, c.Most, c.Balanced, c.MinLeaf = 0, 1, false, 7
	return c
}

// A tree of one split is the best of all that there are, tried one by one.
func TestFirstSplitIsTheBest(t *testing.T) {
	for seed := range uint64(20) {
		rows, _ := generated{"hidden", seed, 150, 6, .5}.rows()
		c := smallTrees()
		c.Depth, c.Rate = 1, 1
		m, err := c.Fit(rows)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for j := range rows.Columns {
			for i := range rows.Len() {
				for _, missingLeft := range []bool{false, true} {
					want = max(want, naiveGain(rows, j, rows.Row(i)[j], missingLeft, m.Share, c))
				}
			}
		}
		got := naiveGainOf(rows, func(i int) bool { return m.Trees.predict(rows.Row(i)) == m.Trees.Bias+m.Trees.nodes[1].value }, m.Share, c)
		same(t, "gain", []float64{got, slices.Max(m.Trees.Gain)}, []float64{want, want}, 1e-5)
	}
}

func naiveGain(rows *Rows, column int, threshold float64, missingLeft bool, share float64, c Trees) float64 {
	return naiveGainOf(rows, func(i int) bool {
		x := rows.Row(i)[column]
		return math.IsNaN(x) && missingLeft || x <= threshold || math.IsNaN(threshold) && !math.IsNaN(x)
	}, share, c)
}

func naiveGainOf(rows *Rows, left func(i int) bool, share float64, c Trees) float64 {
	var g, h, n [2]float64
	for i := range rows.Len() {
		side := class(left(i))
		g[side] += share - outcome(rows.Positive[i])
		h[side] += share * (1 - share)
		n[side]++
	}
	if min(n[0], n[1]) < float64(c.MinLeaf) {
		return 0
	}
	return g[0]*g[0]/(h[0]+c.L2) + g[1]*g[1]/(h[1]+c.L2) - (g[0]+g[1])*(g[0]+g[1])/(h[0]+h[1]+c.L2)
}

// While it fits, a row's score is the sum of the leaves that its bins lead to; afterwards its values must lead there, too.
func TestBinsAndThresholdsAgree(t *testing.T) {
	for _, most := range []int{2, 16, maxBins} {
		rows, _ := generated{"hidden", 7, 1800, 6, .5}.rows()
		rows.Row(0)[0], rows.Row(1)[1] = math.MaxFloat64, -math.MaxFloat64
		c := smallTrees()
		c.Bins, c.Most, c.Depth, c.Columns = most, 30, 5, .5
		weights, share := rows.weights(false)
		all, _, err := c.divide(rows)
		if err != nil {
			t.Fatal(err)
		}
		b := newBoosting(c, rows, weights, all, nil, logit(share))
		b.run()
		var got []float64
		for i := range rows.Len() {
			got = append(got, b.forest.predict(rows.Row(i)))
		}
		same(t, "scores", got, b.scores, 1e-12)
		for j, edges := range b.edges {
			if len(edges) >= most || !slices.IsSorted(edges) || len(slices.Compact(slices.Clone(edges))) != len(edges) {
				t.Errorf("column %d of %d bins has edges %v", j, most, edges)
			}
		}
	}
}

func TestTreesKeepTheLeastLoss(t *testing.T) {
	rows, _ := generated{"hidden", 8, 1500, 8, .5}.rows()
	for i := range rows.Group {
		rows.Group[i] /= 10
	}
	c := DefaultTrees()
	c.Rate, c.Patience = .4, 10
	var losses []float64
	c.OnTree = func(trees int, train, validation float64) {
		if losses = append(losses, validation); len(losses) != trees || train > math.Ln2 {
			t.Errorf("tree %d: training loss %v", trees, train)
		}
	}
	m, err := c.Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	kept := m.Trees.Trees()
	if slices.Index(losses, slices.Min(losses))+1 != kept || len(losses) != kept+10 {
		t.Errorf("kept %d trees, losses %v", kept, losses)
	}
	_, validation, err := c.divide(rows)
	if err != nil {
		t.Fatal(err)
	}
	aside := rows.Select(validation)
	weights, _ := rows.weights(true)
	var loss, mass float64
	for k, i := range validation {
		p := m.Probability(aside.Row(k), .5)
		loss -= weights[i] * math.Log(map[bool]float64{true: p, false: 1 - p}[aside.Positive[k]])
		mass += weights[i]
	}
	same(t, "least loss", []float64{loss / mass}, []float64{slices.Min(losses)}, 1e-9)
}

func TestTreesAreDeterministic(t *testing.T) {
	rows, _ := generated{"hidden", 9, 900, 8, .5}.rows()
	c := DefaultTrees()
	c.Most, c.Columns = 20, .5
	fit := func(seed uint64) string {
		c.Seed = seed
		m, err := c.Fit(rows)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := fit(3)
	if fit(3) != first {
		t.Error("the same seed gives another model")
	}
	if fit(4) == first {
		t.Error("another seed gives the same model")
	}
}

// A row of weight 2 is a row that is there twice, and classes are balanced by weights.
func TestTreesWeightRows(t *testing.T) {
	rows, _ := generated{"shift", 10, 240, 4, .3}.rows()
	twice := rows.Select(nil)
	rows.Weight = make([]float64, rows.Len())
	for i := range rows.Len() {
		rows.Weight[i] = float64(1 + i%2)
		for range 1 + i%2 {
			twice.Add(rows.Row(i), rows.Positive[i], i)
		}
	}
	c := smallTrees()
	c.Most, c.MinLeaf, c.Balanced = 10, 1, true
	a, err := c.Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Fit(twice)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "scores", a.Scores(rows), b.Scores(rows), 1e-4)
}

func TestGainSaysWhichColumnsMatter(t *testing.T) {
	rows, _ := generated{"shift", 11, 3000, 6, .5}.rows() // columns 0 and 3 tell the classes
	m, err := DefaultTrees().Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	for j, g := range m.Trees.Gain {
		if least := min(m.Trees.Gain[0], m.Trees.Gain[3]); j%3 != 0 && !(g < least/2) {
			t.Errorf("column %d has gain %v of %v", j, g, m.Trees.Gain)
		}
	}
}

func TestTooFewGroupsToValidateBy(t *testing.T) {
	rows, _ := generated{"shift", 12, 300, 3, .5}.rows()
	rows.Group = make([]int, rows.Len())
	if _, err := DefaultTrees().Fit(rows); err == nil {
		t.Error("one group is on both sides")
	}
}

func BenchmarkTree(b *testing.B) {
	train, test := generated{"hidden", 13, 6000, 30, .5}.rows()
	c := DefaultTrees()
	c.Validation, c.Most = 0, 200
	m, err := c.Fit(train)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Predict(test.Row(i % test.Len()))
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/tree")
}

func BenchmarkFitTrees(b *testing.B) {
	train, _ := generated{"hidden", 13, 30000, 60, .5}.rows()
	c := DefaultTrees()
	c.Validation, c.Most = 0, 20
	for b.Loop() {
		if _, err := c.Fit(train); err != nil {
			b.Fatal(err)
		}
	}
}
