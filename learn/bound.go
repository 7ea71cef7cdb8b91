package learn

import (
	"fmt"
	"math"
	"slices"
)

// Bound is where a column of positives lies for reasons that need no fitting: from Least to Most. What is not known is inside.
type Bound struct {
	Column      string
	Least, Most float64
}

// Restrict lowers the scores of rows by penalty that are outside of any of the bounds: rows that no training row was like are
// judged by what is known, not by what the trees happen to say there. Only trees can be restricted. Importance stays that of
// what was fitted.
func (m *Model) Restrict(bounds []Bound, penalty float64) error {
	if m.Trees == nil {
		return fmt.Errorf("restrict: a model of kind %s, want trees", m.Kind)
	}
	if !(penalty > 0) || !finite(penalty) {
		return fmt.Errorf("restrict: penalty: got %v, want more than 0", penalty)
	}
	columns := make([]int, len(bounds))
	for i, b := range bounds {
		columns[i] = slices.Index(m.Columns, b.Column)
		if columns[i] < 0 || !finite(b.Least) || !finite(b.Most) || b.Least > b.Most {
			return fmt.Errorf("restrict: bound %q from %v to %v, want one of the columns, and both ascending", b.Column, b.Least, b.Most)
		}
	}
	m.Trees.restrict(columns, bounds, penalty)
	return nil
}

// restrict appends a tree of one path: who is below or above a bound leaves it.
func (f *Forest) restrict(columns []int, bounds []Bound, penalty float64) {
	root := uint32(len(f.nodes))
	f.roots = append(f.roots, root)
	outside := root + 3*uint32(len(bounds)) + 1
	for i, b := range bounds {
		at, column := uint32(len(f.nodes)), uint16(columns[i])
		f.nodes = append(f.nodes,
			node{value: math.Nextafter(b.Least, math.Inf(-1)), column: column, right: at + 2},
			node{value: -penalty},
			node{value: b.Most, column: column, right: outside, missingLeft: true})
	}
	f.nodes = append(f.nodes, node{}, node{value: -penalty})
}
