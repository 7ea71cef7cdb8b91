package learn

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// fitted returns a calibrated model of each kind, and rows to judge it by.
func fitted(t testing.TB) (models []*Model, test *Rows) {
	t.Helper()
	train, test := generated{"hidden", 4, 900, 6, .5}.rows()
	for _, fit := range []func(*Rows) (*Model, error){DefaultSGD().Fit, DefaultLogistic().Fit, DefaultTrees().Fit} {
		m, err := fit(train)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Calibrate(test); err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	return models, test
}

func TestModelComesBackFromJSON(t *testing.T) {
	models, test := fitted(t)
	for _, m := range models {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Model
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		for i := range test.Len() {
			if got, want := back.Predict(test.Row(i)), m.Predict(test.Row(i)); got != want {
				t.Fatalf("%s: row %d: got %v, want %v", m.Kind, i, got, want)
			}
		}
		again, err := json.Marshal(&back)
		if err != nil || string(again) != string(data) {
			t.Errorf("%s: written again it differs: %v", m.Kind, err)
		}
	}
}

func TestPredictDoesNotAllocate(t *testing.T) {
	models, test := fitted(t)
	for _, m := range models {
		row := test.Row(0)
		if n := testing.AllocsPerRun(100, func() { m.Probability(row, .01) }); n != 0 {
			t.Errorf("%s: %v allocations", m.Kind, n)
		}
	}
}

// Calibrated at one share of positives, probabilities hold at another.
func TestProbabilityAtABaseRate(t *testing.T) {
	m := &Model{Kind: KindLogistic, Columns: []string{"a"}, Share: .5,
		Linear: &Linear{Scaler: Scaler{Mean: []float64{0}, Scale: []float64{1}}, Weights: []float64{1}}}
	row := []float64{math.Log(3)} // three times as probable where positive
	same(t, "without calibration", []float64{m.Probability(row, .5), m.Probability(row, .01)}, []float64{.75, .03 / (.03 + .99)}, 1e-12)
	m.Calibration = &Calibration{Curve: Curve{A: 2}, Share: .2} // odds of 9 where one in five is
	same(t, "with", []float64{m.Probability(row, .2), m.Probability(row, .5)}, []float64{.9, 36.0 / 37}, 1e-12)
	m.Kind, m.Calibration = KindSGD, nil
	if p := m.Probability(row, .5); !math.IsNaN(p) {
		t.Errorf("SGD without calibration: %v", p)
	}
}

const good = `{"kind":"logistic","columns":["a","b"],"linear":{"scaler":{"mean":[0,0],"scale":[1,1]},"weights":[1,2],` +
	`"intercept":0.5},"share":0.5,"calibration":{"curve":{"steps":[{"from":0,"p":0.1},{"from":1,"p":0.2}]},"share":0.5}}`

func TestModelsThatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ replace, by, want string }{
		{``, ``, ""},
		{good, good[:60], "unexpected end of JSON input"},
		{good, `null`, "columns: there are none"},
		{`"logistic"`, `"forest"`, `kind: got "forest"`},
		{`"logistic"`, `"trees"`, "has trees and no linear"},
		{`"columns":["a","b"]`, `"columns":["a"]`, "linear: 2 weights, 2 means, 2 scales, want 1 each"},
		{`"columns":["a","b"]`, `"columns":["a","a"]`, `columns: "a" is empty or there twice`},
		{`"columns":["a","b"]`, `"columns":[]`, "columns: there are none"},
		{`"scale":[1,1]`, `"scale":[1,0]`, "column 1 has weight 2, mean 0, scale 0"},
		{`"weights":[1,2]`, `"weights":[1,1e999]`, "cannot unmarshal number 1e999"},
		{`"weights":[1,2]`, `"weights":[1,NaN]`, "invalid character 'N'"},
		{`"weights":[1,2]`, `"wheights":[1,2]`, `unknown field "wheights"`},
		{`"share":0.5,`, ``, "share: got 0"},
		{`"from":1`, `"from":0`, "step 1 from 0"},
		{`"p":0.2`, `"p":1.2`, "step 1 from 1 is 1.2"},
	} {
		var m Model
		err := json.Unmarshal([]byte(strings.Replace(good, test.replace, test.by, 1)), &m)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s by %s: got %v, want %q", test.replace, test.by, err, test.want)
		}
	}
}

const goodTrees = `{"kind":"trees","columns":["a","b"],"trees":{"bias":0,"gain":[1,0],"roots":[0,3],"column":[0,-1,-1,-1],` +
	`"value":[1,2,3,4],"right":[2,0,0,0],"missing":[1,0,0,0]},"share":0.5}`

func TestTreesThatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ replace, by, want string }{
		{``, ``, ""},
		{`"right":[2`, `"right":[3`, "node 0 of tree 0 to 3: column 0, right 3"},
		{`"right":[2`, `"right":[1`, "node 0 of tree 0 to 3: column 0, right 1"},
		{`"right":[2`, `"right":[-1`, "cannot unmarshal number -1"},
		{`"right":[2,0,0,0]`, `"right":[2,0,0]`, "trees: 4 columns, 4 values, 3 right, 4 missing"},
		{`"column":[0`, `"column":[2`, "node 0 of tree 0 to 3: column 2, right 2"},
		{`"column":[0`, `"column":[-1`, "node 0: column -1, right 2"},
		{`"column":[0`, `"column":[65536`, "node 0: column 65536"},
		{`"column":[0,-1`, `"column":[0,0`, "node 1: column 0, right 0"},
		{`"roots":[0,3]`, `"roots":[0,4]`, "tree 1 has nodes 4 to 4 of 4"},
		{`"roots":[0,3]`, `"roots":[0,0]`, "tree 0 has nodes 0 to 0 of 4"},
		{`"roots":[0,3]`, `"roots":[0,9]`, "tree 0 has nodes 0 to 9 of 4"},
		{`"roots":[0,3]`, `"roots":[1]`, "nodes before the first root"},
		{`"roots":[0,3]`, `"roots":[]`, "nodes before the first root"},
		{`"gain":[1,0]`, `"gain":[1]`, "gain of 1 columns, want 2"},
		{`"kind":"trees"`, `"kind":"sgd"`, "has linear and no trees"},
	} {
		var m Model
		err := json.Unmarshal([]byte(strings.Replace(goodTrees, test.replace, test.by, 1)), &m)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s by %s: got %v, want %q", test.replace, test.by, err, test.want)
		}
	}
}

// Whatever is read gives a score for any row of its columns.
func FuzzModel(f *testing.F) {
	models, _ := fitted(f)
	for _, m := range models {
		data, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte(good))
	f.Add([]byte(goodTrees))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Model
		if json.Unmarshal(data, &m) != nil {
			return
		}
		row := make([]float64, len(m.Columns))
		for _, x := range []float64{0, math.NaN(), math.Inf(1), -math.MaxFloat64} {
			for j := range row {
				row[j] = x
			}
			if p := m.Probability(row, .01); p < 0 || p > 1 {
				t.Errorf("probability %v", p)
			}
		}
	})
}
