package learn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Forest is a sum of decision trees.
type Forest struct {
	Bias  float64
	Gain  []float64 // of each column: by how much its splits lowered the loss on the training rows
	roots []uint32  // of each tree its first node, ascending
	nodes []node    // tree after tree; a node's left child is the next one
}

// node is a split, or a leaf where right is 0.
type node struct {
	value       float64 // up to which a row goes left; of a leaf what it adds
	right       uint32
	column      uint16
	missingLeft bool // where a row goes whose column is not known
}

// Trees returns how many trees there are.
func (f *Forest) Trees() int { return len(f.roots) }

// Nodes returns how many splits and leaves all trees have.
func (f *Forest) Nodes() int { return len(f.nodes) }

func (f *Forest) predict(row []float64) float64 {
	score := f.Bias
	for _, root := range f.roots {
		score += f.walk(root, row)
	}
	return score
}

// walk returns what the tree at a root says of a row.
func (f *Forest) walk(root uint32, row []float64) float64 {
	i := root
	for {
		n := &f.nodes[i]
		if n.right == 0 {
			return n.value
		}
		x, right := row[n.column], uint32(0)
		if x > n.value { // becomes no branch: which way a row goes cannot be foretold
			right = 1
		}
		if x != x && !n.missingLeft {
			right = 1
		}
		i += 1 + right*(n.right-i-1)
	}
}

// keep leaves out all trees but the first ones.
func (f *Forest) keep(trees int) {
	if trees < len(f.roots) {
		f.nodes = f.nodes[:f.roots[trees]]
		f.roots = f.roots[:trees]
	}
}

// goesRight says whether a row goes right that has this value in the node's column.
func (n *node) goesRight(x float64) bool { return x > n.value || x != x && !n.missingLeft }

// most returns of each node the most that a row can add from there on of which only some columns are known.
func (f *Forest) most(row []float64, known []bool) []float64 {
	most := make([]float64, len(f.nodes))
	for i := len(f.nodes) - 1; i >= 0; i-- { // children come after their parents
		n := &f.nodes[i]
		switch {
		case n.right == 0:
			most[i] = n.value
		case !known[n.column]:
			most[i] = max(most[i+1], most[n.right])
		case n.goesRight(row[n.column]):
			most[i] = most[n.right]
		default:
			most[i] = most[i+1]
		}
	}
	return most
}

// flat is a Forest as JSON: a list for each part of a node.
type flat struct {
	Bias    float64   `json:"bias"`
	Gain    []float64 `json:"gain"`
	Roots   []uint32  `json:"roots"`
	Column  []int     `json:"column"`  // -1: a leaf
	Value   []float64 `json:"value"`   // threshold, up to which a row goes left; of a leaf what it adds
	Right   []uint32  `json:"right"`   // the right child; 0: a leaf. The left child is the next node
	Missing []int     `json:"missing"` // 1: a row goes left whose column is not known
}

// MarshalJSON writes bias, gain, roots, and of all nodes column, value, right and missing as lists.
func (f *Forest) MarshalJSON() ([]byte, error) {
	w := flat{Bias: f.Bias, Gain: f.Gain, Roots: f.roots, Column: []int{}, Value: []float64{}, Right: []uint32{}, Missing: []int{}}
	for _, n := range f.nodes {
		column := int(n.column)
		if n.right == 0 {
			column = -1
		}
		w.Column, w.Value, w.Right = append(w.Column, column), append(w.Value, n.value), append(w.Right, n.right)
		w.Missing = append(w.Missing, class(n.missingLeft))
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses nodes that lead nowhere.
func (f *Forest) UnmarshalJSON(data []byte) error {
	var r flat
	if err := unmarshalStrictly(data, &r); err != nil {
		return err
	}
	n := len(r.Column)
	if len(r.Value) != n || len(r.Right) != n || len(r.Missing) != n {
		return fmt.Errorf("trees: %d columns, %d values, %d right, %d missing, want as many of each",
			n, len(r.Value), len(r.Right), len(r.Missing))
	}
	read := Forest{Bias: r.Bias, Gain: r.Gain, roots: r.Roots, nodes: make([]node, n)}
	for i := range read.nodes {
		if leaf := r.Right[i] == 0; leaf != (r.Column[i] == -1) || r.Column[i] < -1 || r.Column[i] > math.MaxUint16 {
			return fmt.Errorf("trees: node %d: column %d, right %d", i, r.Column[i], r.Right[i])
		}
		read.nodes[i] = node{value: r.Value[i], right: r.Right[i], column: uint16(max(r.Column[i], 0)), missingLeft: r.Missing[i] == 1}
	}
	*f = read
	return nil
}

// check says what does not fit together: every node must lead to later ones of its tree, so that each walk ends at a leaf.
func (f *Forest) check(columns int) error {
	if len(f.Gain) != columns {
		return fmt.Errorf("trees: gain of %d columns, want %d", len(f.Gain), columns)
	}
	if len(f.roots) == 0 != (len(f.nodes) == 0) || len(f.roots) > 0 && f.roots[0] != 0 {
		return errors.New("trees: nodes before the first root")
	}
	for t, root := range f.roots {
		end := uint32(len(f.nodes))
		if t+1 < len(f.roots) {
			end = f.roots[t+1]
		}
		if root >= end || int(end) > len(f.nodes) {
			return fmt.Errorf("trees: tree %d has nodes %d to %d of %d", t, root, end, len(f.nodes))
		}
		for i := root; i < end; i++ {
			if n := f.nodes[i]; n.right != 0 && (n.right <= i+1 || n.right >= end || int(n.column) >= columns) {
				return fmt.Errorf("trees: node %d of tree %d to %d: column %d, right %d", i, root, end, n.column, n.right)
			}
		}
	}
	return nil
}
