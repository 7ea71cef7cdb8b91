package learn

import (
	"fmt"
	"math"
	"slices"
)

// Rows are what classifiers are fitted to: numbers in columns, and for each row its class, what it has in common with others,
// and its weight. Slices are owned by whoever made them; nothing in this package changes or keeps them.
type Rows struct {
	Columns  []string  // names, each once
	X        []float64 // row after row, len(Columns) values each; NaN: not known
	Positive []bool
	Group    []int     // rows of one group (a server, say) are never on both sides of a split; nil: each row its own
	Weight   []float64 // 0 or more; nil: 1 each
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Positive) }

// Row returns a row's values: a part of X.
func (r *Rows) Row(i int) []float64 {
	d := len(r.Columns)
	return r.X[i*d : (i+1)*d : (i+1)*d]
}

// Add appends a row of weight 1. It copies values.
func (r *Rows) Add(values []float64, positive bool, group int) {
	r.X = append(r.X, values...)
	r.Positive = append(r.Positive, positive)
	r.Group = append(r.Group, group)
	if r.Weight != nil {
		r.Weight = append(r.Weight, 1)
	}
}

// Select returns copies of some rows, in the order given. The caller owns them but for the names of the columns.
func (r *Rows) Select(rows []int) *Rows {
	s := &Rows{Columns: r.Columns, X: make([]float64, 0, len(rows)*len(r.Columns)), Positive: make([]bool, 0, len(rows))}
	for _, i := range rows {
		s.X = append(s.X, r.Row(i)...)
		s.Positive = append(s.Positive, r.Positive[i])
		if r.Group != nil {
			s.Group = append(s.Group, r.Group[i])
		}
		if r.Weight != nil {
			s.Weight = append(s.Weight, r.Weight[i])
		}
	}
	return s
}

// Count returns how many rows are positive, and how many are not.
func (r *Rows) Count() (positive, negative int) {
	for _, y := range r.Positive {
		if y {
			positive++
		}
	}
	return positive, r.Len() - positive
}

// check says what is wrong with rows that a classifier is to be fitted to.
func (r *Rows) check() error {
	n, d := r.Len(), len(r.Columns)
	positive, negative := r.Count()
	switch {
	case d == 0:
		return fmt.Errorf("rows: no columns")
	case len(r.X) != n*d:
		return fmt.Errorf("rows: %d values, want %d rows of %d", len(r.X), n, d)
	case r.Group != nil && len(r.Group) != n:
		return fmt.Errorf("rows: %d groups of %d rows", len(r.Group), n)
	case r.Weight != nil && len(r.Weight) != n:
		return fmt.Errorf("rows: %d weights of %d rows", len(r.Weight), n)
	case positive == 0 || negative == 0:
		return fmt.Errorf("rows: %d positive and %d negative, want some of each", positive, negative)
	}
	if i := slices.IndexFunc(r.X, func(v float64) bool { return math.IsInf(v, 0) }); i >= 0 {
		return fmt.Errorf("rows: %s of row %d is infinite", r.Columns[i%d], i/d)
	}
	if i := slices.IndexFunc(r.Weight, func(w float64) bool { return !(w >= 0) || math.IsInf(w, 0) }); i >= 0 {
		return fmt.Errorf("rows: weight of row %d is %v, want 0 or more", i, r.Weight[i])
	}
	if p, n := r.masses(); p == 0 || n == 0 {
		return fmt.Errorf("rows: one class has no weight")
	}
	return nil
}

func (r *Rows) weight(i int) float64 {
	if r.Weight == nil {
		return 1
	}
	return r.Weight[i]
}

// masses returns the sums of weights of both classes.
func (r *Rows) masses() (positive, negative float64) {
	for i, y := range r.Positive {
		if y {
			positive += r.weight(i)
		} else {
			negative += r.weight(i)
		}
	}
	return positive, negative
}

// weights returns the weight of each row, with balanced classes so that both weigh the same and all weigh as much as before,
// and the share of positives by weight. The caller owns them.
func (r *Rows) weights(balanced bool) (weights []float64, share float64) {
	p, n := r.masses()
	ofPositive, ofNegative := 1.0, 1.0
	share = p / (p + n)
	if balanced {
		ofPositive, ofNegative, share = (p+n)/(2*p), (p+n)/(2*n), .5
	}
	weights = make([]float64, r.Len())
	for i, y := range r.Positive {
		if y {
			weights[i] = ofPositive * r.weight(i)
		} else {
			weights[i] = ofNegative * r.weight(i)
		}
	}
	return weights, share
}
