package learn

import "math"

// cell sums up the rows of a node in a bin.
type cell struct {
	g, h float64 // first and second derivatives of the loss
	n    int
}

func (c *cell) add(o cell)             { c.g += o.g; c.h += o.h; c.n += o.n }
func (c cell) minus(o cell) cell       { return cell{c.g - o.g, c.h - o.h, c.n - o.n} }
func (c cell) gain(l2 float64) float64 { return c.g * c.g / (c.h + l2) }

type histogram [maxBins + 1]cell

// grower grows trees over binned rows.
type grower struct {
	Trees
	*bins
	g, h    []float64 // derivatives of the loss, of each row
	scores  []float64 // of each row: leaves add to them
	columns []int     // that the tree may use
	rows    []int32   // all rows, those of a node together
	spare   []int32
	free    [][]histogram
	forest  *Forest
	gains   []float64 // of each node of the forest
}

// tree appends a tree.
func (w *grower) tree() {
	for i := range w.rows {
		w.rows[i] = int32(i)
	}
	w.forest.roots = append(w.forest.roots, uint32(len(w.forest.nodes)))
	all := w.measure(w.rows)
	w.grow(w.rows, all, w.Depth)
	w.free = append(w.free, all)
}

// grow appends the node of some rows, and those below it, depth splits deep, 1 or more. all are the rows' histograms, which it
// overwrites.
func (w *grower) grow(rows []int32, all []histogram, depth int) {
	total := cell{}
	for _, c := range all[0] { // every row is in a bin of each column
		total.add(c)
	}
	at := len(w.forest.nodes)
	s := w.best(all, total)
	if s.gain <= 0 {
		w.leaf(rows, total)
		return
	}
	w.forest.nodes = append(w.forest.nodes, node{value: s.threshold, column: uint16(s.column), missingLeft: s.missingLeft})
	w.gains = append(w.gains, s.gain)
	left := w.partition(rows, s)
	if depth == 1 { // its children are leaves: their histograms are of no use
		w.leaf(rows[:left], s.left)
		w.forest.nodes[at].right = uint32(len(w.forest.nodes))
		w.leaf(rows[left:], total.minus(s.left))
		return
	}
	leftAll, rightAll := w.divide(rows, left, all)
	w.grow(rows[:left], leftAll, depth-1)
	w.forest.nodes[at].right = uint32(len(w.forest.nodes))
	w.grow(rows[left:], rightAll, depth-1)
	if left <= len(rows)-left {
		w.free = append(w.free, leftAll)
	} else {
		w.free = append(w.free, rightAll)
	}
}

// divide returns the histograms of both children: it measures the smaller one, and takes it away from the parent's.
func (w *grower) divide(rows []int32, left int, all []histogram) (leftAll, rightAll []histogram) {
	small := rows[:left]
	if left > len(rows)-left {
		small = rows[left:]
	}
	measured := w.measure(small)
	for k := range all {
		for b := range all[k] {
			all[k][b] = all[k][b].minus(measured[k][b])
		}
	}
	if left <= len(rows)-left {
		return measured, all
	}
	return all, measured
}

// measure returns the histograms of rows, of each of the tree's columns.
func (w *grower) measure(rows []int32) []histogram {
	var all []histogram
	if n := len(w.free); n > 0 {
		all, w.free = w.free[n-1], w.free[:n-1]
		clear(all)
	} else {
		all = make([]histogram, len(w.columns))
	}
	for k, column := range w.columns {
		of, histogram := w.of[column], &all[k]
		for _, i := range rows {
			c := &histogram[of[i]]
			c.g += w.g[i]
			c.h += w.h[i]
			c.n++
		}
	}
	return all
}

// split divides a node's rows.
type split struct {
	gain        float64
	column      int
	bin         int // rows of this bin and those below go left
	threshold   float64
	missingLeft bool
	left        cell
}

// minCurvature is how much of the second derivative a child needs, or its value is arbitrary.
const minCurvature = 1e-3

// best returns the split with the largest gain, the first one among equals; gain 0 where there is none.
func (w *grower) best(all []histogram, total cell) (best split) {
	for k, column := range w.columns {
		edges, missing, left := w.edges[column], all[k][missingBin], cell{}
		for b := range len(edges) + 1 {
			left.add(all[k][b])
			threshold := math.MaxFloat64 // known ones left, the others right
			if b < len(edges) {
				threshold = edges[b]
			} else if missing.n == 0 {
				break
			}
			s := split{0, column, b, threshold, missing.n == 0 && 2*left.n > total.n, left}
			w.better(&best, s, total)
			if missing.n > 0 && b < len(edges) {
				s.left.add(missing)
				s.missingLeft = true
				w.better(&best, s, total)
			}
		}
	}
	return best
}

// better replaces best by a split that is.
func (w *grower) better(best *split, s split, total cell) {
	right := total.minus(s.left)
	if min(s.left.n, right.n) < w.MinLeaf || min(s.left.h, right.h) < minCurvature {
		return
	}
	s.gain = s.left.gain(w.L2) + right.gain(w.L2) - total.gain(w.L2)
	if s.gain > best.gain+1e-12*total.gain(w.L2) && s.gain > 1e-9 { // more than rounding
		*best = s
	}
}

// partition moves the rows that go left before the others, both in the order they had, and returns how many they are.
func (w *grower) partition(rows []int32, s split) (left int) {
	of, right := w.of[s.column], w.spare[:0]
	for _, i := range rows {
		bin := of[i]
		if bin == missingBin && s.missingLeft || bin != missingBin && int(bin) <= s.bin {
			rows[left] = i
			left++
		} else {
			right = append(right, i)
		}
	}
	copy(rows[left:], right)
	return left
}

// leafDigits is how many digits a leaf's value has: models become short.
const leafDigits = 6

// leaf appends a leaf, and adds its value to the scores of its rows: a Newton step times the learning rate.
func (w *grower) leaf(rows []int32, total cell) {
	value := 0.0
	if total.h >= minCurvature {
		value = round(-w.Rate*total.g/(total.h+w.L2), leafDigits)
	}
	w.forest.nodes = append(w.forest.nodes, node{value: value})
	w.gains = append(w.gains, 0)
	for _, i := range rows {
		w.scores[i] += value
	}
}
