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
	testPossible(t, trees, rows)
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

// What rows with some columns in common can reach is what the best of them does, or more; with all columns known it is the score.
func testPossible(t *testing.T, m *Model, rows *Rows) {
	for i := range rows.Len() {
		row := rows.Row(i)
		score := m.Predict(row)
		all := []bool{true, true, true}
		if s := m.NewScreen(score - .001); !s.Possible(row, all) {
			t.Errorf("row %d: its own score is impossible", i)
		}
		if s := m.NewScreen(score + .001); s.Possible(row, all) {
			t.Errorf("row %d: more than its score is possible", i)
		}
		for missing := range row {
			known := []bool{true, true, true}
			known[missing] = false
			best := math.Inf(-1)
			for j := range 200 {
				other := []float64{row[0], row[1], row[2]}
				other[missing] = rows.Row(j)[missing]
				best = max(best, m.Predict(other))
			}
			if s := m.NewScreen(best); !s.Possible(row, known) {
				t.Errorf("row %d without column %d: %v is impossible, which a row like it has", i, missing, best)
			}
		}
	}
	if s := m.NewScreen(30); s.Possible(make([]float64, 3), make([]bool, 3)) {
		t.Error("a score of 30 is possible")
	}
}
