package learn

import (
	"fmt"
	"math"
	"testing"
)

// With scikit-learn's seed the order of rows is scikit-learn's, and so are the weights.
func TestSGDIsScikitLearns(t *testing.T) {
	for _, set := range readReference(t).Linear {
		train, test := set.rows()
		for _, want := range set.SGD {
			name := fmt.Sprintf("%s %d, seed %d", set.Kind, set.Seed, want.RandomState)
			c := DefaultSGD()
			c.Seed = want.RandomState
			m, err := c.Fit(train)
			if err != nil {
				t.Fatal(err)
			}
			same(t, name+" weights", m.Linear.Weights, want.Weights, 1e-6)
			same(t, name+" intercept", []float64{m.Linear.Intercept}, []float64{want.Intercept}, 1e-6)
			same(t, name+" AUC", []float64{NewROC(m.Scores(test), test.Positive).AUC()}, []float64{want.AUC}, 1e-9)
			for i, s := range m.Scores(test) {
				if (s > 0) != (want.Called[i] == '1') {
					t.Errorf("%s: row %d has score %v, want %c", name, i, s, want.Called[i])
				}
			}
		}
	}
}

func TestScalerAndLogisticAreScikitLearns(t *testing.T) {
	for _, set := range readReference(t).Linear {
		train, _ := set.rows()
		scaler := NewScaler(train)
		same(t, "mean", scaler.Mean, set.Mean, 1e-9)
		same(t, "scale", scaler.Scale, set.Scale, 1e-9)
		for _, want := range set.Logistic {
			name := fmt.Sprintf("%s %d, C %v", set.Kind, set.Seed, want.C)
			m, err := Logistic{L2: 1 / want.C, Balanced: want.Balanced}.Fit(train)
			if err != nil {
				t.Fatal(err)
			}
			same(t, name+" weights", m.Linear.Weights, want.Weights, 1e-6)
			same(t, name+" intercept", []float64{m.Linear.Intercept}, []float64{want.Intercept}, 1e-6)
		}
	}
}

// A row of weight 2 is a row that is there twice.
func TestWeightsAreRepeatedRows(t *testing.T) {
	train, _ := generated{"shift", 5, 600, 6, .3}.rows()
	twice := train.Select(nil)
	train.Weight = make([]float64, train.Len())
	for i := range train.Len() {
		train.Weight[i] = float64(1 + i%2)
		for range 1 + i%2 {
			twice.Add(train.Row(i), train.Positive[i], i)
		}
	}
	scaler := NewScaler(train)
	fit := func(rows *Rows) []float64 {
		weights, _ := rows.weights(true)
		targets := make([]float64, rows.Len())
		for i, y := range rows.Positive {
			targets[i] = outcome(y)
		}
		w, b := Regress(scaler.Apply(rows), 6, targets, weights, 3)
		return append(w, b)
	}
	same(t, "weights", fit(train), fit(twice), 1e-8)
}

func TestUnknownIsTheMean(t *testing.T) {
	train, _ := generated{"shift", 5, 600, 3, .3}.rows()
	m, err := DefaultLogistic().Fit(train)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Predict([]float64{math.NaN(), 1, math.NaN()})
	want := m.Predict([]float64{m.Linear.Scaler.Mean[0], 1, m.Linear.Scaler.Mean[2]})
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsThatCannotBeFitted(t *testing.T) {
	two := []string{"a", "b"}
	for _, test := range []struct {
		rows Rows
		want string
	}{
		{Rows{Positive: []bool{true, false}}, "rows: no columns"},
		{Rows{Columns: two, X: make([]float64, 3), Positive: []bool{true, false}}, "rows: 3 values, want 2 rows of 2"},
		{Rows{Columns: two, X: make([]float64, 4), Positive: []bool{true, true}}, "rows: 2 positive and 0 negative, want some of each"},
		{Rows{Columns: two}, "rows: 0 positive and 0 negative, want some of each"},
		{Rows{Columns: two, X: []float64{0, 0, 0, math.Inf(-1)}, Positive: []bool{true, false}}, "rows: b of row 1 is infinite"},
		{Rows{Columns: two, X: make([]float64, 4), Positive: []bool{true, false}, Group: []int{1}}, "rows: 1 groups of 2 rows"},
		{Rows{Columns: two, X: make([]float64, 4), Positive: []bool{true, false}, Weight: []float64{1, math.NaN()}},
			"rows: weight of row 1 is NaN, want 0 or more"},
		{Rows{Columns: two, X: make([]float64, 4), Positive: []bool{true, false}, Weight: []float64{1, 0}}, "rows: one class has no weight"},
	} {
		for _, fit := range []func(*Rows) (*Model, error){DefaultSGD().Fit, DefaultLogistic().Fit, DefaultTrees().Fit} {
			if _, err := fit(&test.rows); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		}
	}
}
