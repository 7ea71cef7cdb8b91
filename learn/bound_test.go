package learn_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/weir-sensor/weir/learn"
)

// boundRows have one column that tells the classes at 0, and one that tells nothing.
func boundRows() *learn.Rows {
	rows := &learn.Rows{Columns: []string{"tells", "other"}}
	for i := range 200 {
		rows.Add([]float64{float64(i%2) - .5, float64(i % 7)}, i%2 == 1, i)
	}
	return rows
}

// A restricted model says what it did, less the penalty where a row is outside of a bound; also after it was a file.
func TestRestrict(t *testing.T) {
	c := learn.DefaultTrees()
	c.Most, c.Validation = 5, 0
	plain, err := c.Fit(boundRows())
	if err != nil {
		t.Fatal(err)
	}
	model, err := c.Fit(boundRows())
	if err != nil {
		t.Fatal(err)
	}
	if err := model.Restrict([]learn.Bound{{Column: "other", Least: -2, Most: 6}, {Column: "tells", Least: -1, Most: .5}}, 20); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	var read learn.Model
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for _, c := range []struct {
		row     []float64
		outside float64
	}{
		{[]float64{.5, 6}, 0}, {[]float64{-.5, -2}, 0}, {[]float64{nan, nan}, 0}, {[]float64{.5, 6.001}, 1}, {[]float64{.5, -2.001}, 1},
		{[]float64{.501, nan}, 1}, {[]float64{-1.5, 100}, 1}, {[]float64{math.Inf(1), math.Inf(-1)}, 1}, {[]float64{-1.5, 0}, 1},
	} {
		want := plain.Predict(c.row) - 20*c.outside
		if got := read.Predict(c.row); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: got %v, want %v", c.row, got, want)
		}
	}
}

func TestRestrictRefuses(t *testing.T) {
	c := learn.DefaultTrees()
	c.Most, c.Validation = 5, 0
	trees, err := c.Fit(boundRows())
	if err != nil {
		t.Fatal(err)
	}
	linear, err := learn.DefaultLogistic().Fit(boundRows())
	if err != nil {
		t.Fatal(err)
	}
	good := []learn.Bound{{Column: "other", Least: 0, Most: 1}}
	for name, c := range map[string]struct {
		model   *learn.Model
		bounds  []learn.Bound
		penalty float64
	}{
		"a linear model": {linear, good, 20}, "no penalty": {trees, good, 0}, "another column": {trees, []learn.Bound{{Column: "third"}}, 20},
		"upside down": {trees, []learn.Bound{{Column: "other", Least: 2, Most: 1}}, 20},
		"no number":   {trees, []learn.Bound{{Column: "other", Least: math.NaN(), Most: 1}}, 20},
	} {
		if c.model.Restrict(c.bounds, c.penalty) == nil {
			t.Errorf("%s: restricted", name)
		}
	}
}
