package learn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A screen gives the scores of Predict that are high enough, and gives up the others, most of them before the last tree.
func TestScreen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := &Rows{Columns: []string{"a", "b", "c"}}
	for i := range 600 {
		x := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		if i%7 == 0 {
			x[i%3] = math.NaN()
		}
		rows.Add(x, x[0]+x[1]*x[1]+r.NormFloat64()/2 > 1, i/4)
	}
	trees, err := DefaultTrees().Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	linear, err := DefaultLogistic().Fit(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Model{trees, linear} {
		for _, least := range []float64{-30, -2, 0, 1, 3, 30} {
			s := m.NewScreen(least)
			for i := range rows.Len() {
				want := m.Predict(rows.Row(i))
				got, ok := s.Predict(rows.Row(i))
				if ok != (want >= least) || ok && got != want {
					t.Fatalf("%s, from %v on: got %v, %v, want %v", m.Kind, least, got, ok, want)
				}
			}
		}
	}
	s := trees.NewScreen(3)
	early := 0
	for i := range rows.Len() {
		if got, ok := s.Predict(rows.Row(i)); !ok && got != trees.Predict(rows.Row(i)) {
			early++
		}
	}
	if early < rows.Len()/4 {
		t.Errorf("%d of %d rows were given up early", early, rows.Len())
	}
	if n := testing.AllocsPerRun(10, func() { s.Predict(rows.Row(0)) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
