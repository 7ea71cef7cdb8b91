package learn

import "math"

// Screen scores rows of which only high scores matter: it gives up a row once the trees that are left cannot lift it to the
// least score of interest. It does not change, and any goroutine may use it.
type Screen struct {
	model *Model
	least float64
	rest  []float64 // of each tree, what it and those after it add at most
}

// roundOff is more than rounding can add to a sum of trees in another order.
const roundOff = 1e-6

// NewScreen returns a Screen of the model for scores of least and more.
func (m *Model) NewScreen(least float64) *Screen {
	s := &Screen{model: m, least: least}
	if m.Trees == nil {
		return s
	}
	f := m.Trees
	s.rest = make([]float64, len(f.roots)+1)
	end := len(f.nodes)
	for t := len(f.roots) - 1; t >= 0; t-- {
		most := math.Inf(-1)
		for _, n := range f.nodes[f.roots[t]:end] {
			if n.right == 0 {
				most = max(most, n.value)
			}
		}
		s.rest[t], end = s.rest[t+1]+most, int(f.roots[t])
	}
	return s
}

// Predict returns what Model.Predict does, to the last bit, where that is the least score or more; else ok is false.
func (s *Screen) Predict(row []float64) (score float64, ok bool) {
	f := s.model.Trees
	if f == nil || len(row) != len(s.model.Columns) {
		score = s.model.Predict(row)
		return score, score >= s.least
	}
	score = f.Bias
	for t, root := range f.roots {
		if score+s.rest[t] < s.least-roundOff {
			return score, false
		}
		score += f.walk(root, row)
	}
	return score, score >= s.least
}
