package density

import (
	"math"
	"slices"
)

// tree is a k-d tree over points (Bentley, Communications of the ACM 18(9), 1975). Each node has the box around its points,
// so that what lies too far away is passed over; since rounding is monotonic, what is passed over is exactly what the
// distance itself would have kept out.
type tree struct {
	points []float64 // rows of dims numbers
	dims   int
	order  []int32 // indices of points; a node has a range of them
	nodes  []treeNode
	boxes  []float64 // of each node dims low ends, then dims high ones

	core []bool  // by point
	of   []int32 // cluster by point; Noise: none yet
}

type treeNode struct {
	from, to    int32 // range of order
	left, right int32 // nodes; 0: a leaf
	waiting     int32 // cores without a cluster
	cores       int32
	first       int32 // least cluster of its cores
}

const leafSize = 16

func newTree(points []float64, dims int) *tree {
	n := len(points) / dims
	t := &tree{points: points, dims: dims, order: make([]int32, n), core: make([]bool, n)}
	for i := range t.order {
		t.order[i] = int32(i)
	}
	t.build(0, int32(n))
	return t
}

func (t *tree) row(point int32) []float64 {
	return t.points[int(point)*t.dims : (int(point)+1)*t.dims]
}

// build makes the node of a range of order and those below it, and returns it.
func (t *tree) build(from, to int32) int32 {
	id := int32(len(t.nodes))
	t.nodes = append(t.nodes, treeNode{from: from, to: to})
	widest := t.box(from, to)
	if to-from <= leafSize {
		return id
	}
	middle := (from + to) / 2
	t.split(from, to, middle, widest)
	left := t.build(from, middle)
	right := t.build(middle, to)
	t.nodes[id].left, t.nodes[id].right = left, right
	return id
}

// box appends the box around a range of order, and returns its widest dimension.
func (t *tree) box(from, to int32) (widest int) {
	at := len(t.boxes)
	for range t.dims {
		t.boxes = append(t.boxes, math.Inf(1))
	}
	for range t.dims {
		t.boxes = append(t.boxes, math.Inf(-1))
	}
	low, high := t.boxes[at:at+t.dims], t.boxes[at+t.dims:]
	for _, p := range t.order[from:to] {
		for k, x := range t.row(p) {
			low[k], high[k] = min(low[k], x), max(high[k], x)
		}
	}
	for k := range t.dims {
		if high[k]-low[k] > high[widest]-low[widest] {
			widest = k
		}
	}
	return widest
}

// split brings the points that are smaller in a dimension before middle.
func (t *tree) split(from, to, middle int32, dim int) {
	key := func(i int32) float64 { return t.points[int(t.order[i])*t.dims+dim] }
	for rounds := 0; to-from > leafSize; rounds++ {
		if rounds == 64 { // somebody knows how pivots are chosen
			slices.SortFunc(t.order[from:to], func(a, b int32) int {
				return compare(t.points[int(a)*t.dims+dim], t.points[int(b)*t.dims+dim])
			})
			return
		}
		a, b, c := key(from), key((from+to)/2), key(to-1)
		pivot := max(min(a, b), min(max(a, b), c))
		less, more := from, to
		for i := from; i < more; {
			switch x := key(i); {
			case x < pivot:
				t.order[i], t.order[less] = t.order[less], t.order[i]
				less++
				i++
			case x > pivot:
				more--
				t.order[i], t.order[more] = t.order[more], t.order[i]
			default:
				i++
			}
		}
		switch {
		case middle < less:
			to = less
		case middle >= more:
			from = more
		default:
			return
		}
	}
	slices.SortFunc(t.order[from:to], func(a, b int32) int {
		return compare(t.points[int(a)*t.dims+dim], t.points[int(b)*t.dims+dim])
	})
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// toBox returns the squared distance of x from a node's box.
func (t *tree) toBox(x []float64, node int32) (sum float64) {
	box := t.boxes[int(node)*2*t.dims:][:2*t.dims]
	low, high := box[:t.dims], box[t.dims:]
	for k, v := range x {
		if d := max(low[k]-v, v-high[k]); d > 0 {
			sum += float64(d * d)
		}
	}
	return sum
}

// across returns the squared distance of x from the corner of a node's box that is farthest from it: none of the node's
// points is farther.
func (t *tree) across(x []float64, node int32) (sum float64) {
	box := t.boxes[int(node)*2*t.dims:][:2*t.dims]
	low, high := box[:t.dims], box[t.dims:]
	for k, v := range x {
		d := max(v-low[k], high[k]-v)
		sum += float64(d * d)
	}
	return sum
}

// toPoint returns the squared distance of x from a point.
func (t *tree) toPoint(x []float64, point int32) (sum float64) {
	for k, v := range t.row(point) {
		d := x[k] - v
		sum += float64(d * d)
	}
	return sum
}

// count returns how many points are near x, and stops at enough.
func (t *tree) count(x []float64, node int32, eps2 float64, enough int) (n int) {
	if t.toBox(x, node) > eps2 {
		return 0
	}
	at := &t.nodes[node]
	if t.across(x, node) <= eps2 {
		return int(at.to - at.from)
	}
	if at.left != 0 {
		if n = t.count(x, at.left, eps2, enough); n < enough {
			n += t.count(x, at.right, eps2, enough-n)
		}
		return n
	}
	for _, p := range t.order[at.from:at.to] {
		if t.toPoint(x, p) <= eps2 {
			if n++; n >= enough {
				break
			}
		}
	}
	return n
}

// label finds the cores, then the clusters from core to core, then who is near a core.
func (t *tree) label(r *Result, eps float64, minSamples int) {
	eps2 := eps * eps
	t.of = r.Labels
	t.crowd(0, eps2, minSamples)
	for i := range t.core {
		t.core[i] = t.core[i] || t.count(t.row(int32(i)), 0, eps2, minSamples) >= minSamples
	}
	t.wait(0)
	var found []int32
	for i := range t.core {
		if !t.core[i] || t.of[i] != Noise {
			continue
		}
		for found = t.take(t.row(int32(i)), 0, eps2, int32(r.Clusters), found[:0]); len(found) > 0; {
			p := found[len(found)-1]
			found = t.take(t.row(p), 0, eps2, int32(r.Clusters), found[:len(found)-1])
		}
		r.Clusters++
	}
	t.number(0)
	for i := range t.core {
		if t.core[i] {
			continue
		}
		x := t.row(int32(i))
		if best := t.least(x, 0, eps2, math.MaxInt32); best != math.MaxInt32 {
			r.Labels[i] = best
		} else {
			r.Distance[i] = math.Sqrt(t.nearest(x, 0, math.Inf(1)))
		}
	}
}

// crowd makes the points of a node cores where there are enough of them and all are near each other, and else looks below it.
func (t *tree) crowd(node int32, eps2 float64, minSamples int) {
	at := &t.nodes[node]
	if int(at.to-at.from) < minSamples {
		return
	}
	if low := t.boxes[int(node)*2*t.dims:][:t.dims]; t.across(low, node) <= eps2 {
		for _, p := range t.order[at.from:at.to] {
			t.core[p] = true
		}
	} else if at.left != 0 {
		t.crowd(at.left, eps2, minSamples)
		t.crowd(at.right, eps2, minSamples)
	}
}

// wait counts the cores below a node.
func (t *tree) wait(node int32) int32 {
	at := &t.nodes[node]
	if at.left != 0 {
		at.cores = t.wait(at.left) + t.wait(at.right)
	} else {
		for _, p := range t.order[at.from:at.to] {
			if t.core[p] {
				at.cores++
			}
		}
	}
	at.waiting = at.cores
	return at.cores
}

// take gives the cores near x that have no cluster this one, and appends them to found.
func (t *tree) take(x []float64, node int32, eps2 float64, cluster int32, found []int32) []int32 {
	at := &t.nodes[node]
	if at.waiting == 0 || t.toBox(x, node) > eps2 {
		return found
	}
	before := len(found)
	if t.across(x, node) <= eps2 {
		for _, p := range t.order[at.from:at.to] {
			if t.core[p] && t.of[p] == Noise {
				t.of[p] = cluster
				found = append(found, p)
			}
		}
	} else if at.left != 0 {
		found = t.take(x, at.left, eps2, cluster, found)
		found = t.take(x, at.right, eps2, cluster, found)
	} else {
		for _, p := range t.order[at.from:at.to] {
			if t.core[p] && t.of[p] == Noise && t.toPoint(x, p) <= eps2 {
				t.of[p] = cluster
				found = append(found, p)
			}
		}
	}
	at.waiting -= int32(len(found) - before)
	return found
}

// number notes the least cluster of the cores below each node.
func (t *tree) number(node int32) int32 {
	at := &t.nodes[node]
	at.first = math.MaxInt32
	if at.left != 0 {
		at.first = min(t.number(at.left), t.number(at.right))
		return at.first
	}
	for _, p := range t.order[at.from:at.to] {
		if t.core[p] {
			at.first = min(at.first, t.of[p])
		}
	}
	return at.first
}

// least returns the least cluster of the cores near x, where it is below best.
func (t *tree) least(x []float64, node int32, eps2 float64, best int32) int32 {
	at := &t.nodes[node]
	if at.first >= best || t.toBox(x, node) > eps2 {
		return best
	}
	if at.left != 0 {
		return t.least(x, at.right, eps2, t.least(x, at.left, eps2, best))
	}
	for _, p := range t.order[at.from:at.to] {
		if t.core[p] && t.of[p] < best && t.toPoint(x, p) <= eps2 {
			best = t.of[p]
		}
	}
	return best
}

// nearest returns the squared distance of x from the nearest core, where it is below best.
func (t *tree) nearest(x []float64, node int32, best float64) float64 {
	at := &t.nodes[node]
	if at.cores == 0 || t.toBox(x, node) >= best {
		return best
	}
	if at.left == 0 {
		for _, p := range t.order[at.from:at.to] {
			if t.core[p] {
				best = min(best, t.toPoint(x, p))
			}
		}
		return best
	}
	near, far := at.left, at.right
	if t.toBox(x, near) > t.toBox(x, far) {
		near, far = far, near
	}
	return t.nearest(x, far, t.nearest(x, near, best))
}
