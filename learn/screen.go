package learn

import "math"

// Screen scores rows of which only high scores matter: it gives up a row once the trees that are left cannot lift it to the
// least score of interest. It does not change, and any goroutine may use it.
type Screen struct {
	model *Model
	least float64
	rest  []float64 // of each tree, what it and those after it add at most
	gate  int       // the tree between whose leaves most is: it is asked first
	open  float64   // what it adds at most
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
	end, widest := len(f.nodes), -1.0
	for t := len(f.roots) - 1; t >= 0; t-- {
		least, most := math.Inf(1), math.Inf(-1)
		for _, n := range f.nodes[f.roots[t]:end] {
			if n.right == 0 {
				least, most = min(least, n.value), max(most, n.value)
			}
		}
		if most-least > widest {
			s.gate, s.open, widest = t, most, most-least
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
	less := 0.0 // of what the trees that are left add at most, by what the gate says
	if len(f.roots) > 0 {
		less = s.open - f.walk(f.roots[s.gate], row)
	}
	for t, root := range f.roots {
		if t > s.gate {
			less = 0
		}
		if score+s.rest[t]-less < s.least-roundOff {
			return score, false
		}
		score += f.walk(root, row)
	}
	return score, score >= s.least
}

// Possible says whether a row could have the least score or more of which only some columns are known: those at the places
// where known is true. It looks at all trees in full.
func (s *Screen) Possible(row []float64, known []bool) bool {
	f := s.model.Trees
	if f == nil {
		return true
	}
	score, most := f.Bias, f.most(row, known)
	for _, root := range f.roots {
		score += most[root]
	}
	return score >= s.least-roundOff
}
