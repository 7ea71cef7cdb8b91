package density

import (
	"cmp"
	"math"
	"slices"
)

// Noise is the label of a point in no cluster.
const Noise = -1

// Result is what DBSCAN says of points.
type Result struct {
	Labels   []int32   // of each point its cluster, numbered in the order of their first cores, or Noise
	Clusters int       // how many there are
	Distance []float64 // of each point of no cluster the distance to the nearest core, infinite where there is none; of others 0
}

// Cluster finds the clusters among points, which are rows of dims numbers each, one behind another; none may be NaN. The
// labels are those of scikit-learn's DBSCAN(eps, min_samples). With one dimension it takes O(n), with more a k-d tree.
// The caller owns the result.
func Cluster(points []float64, dims int, eps float64, minSamples int) Result {
	var r Result
	if dims == 1 {
		var l line
		l.take(points)
		l.cluster(&r, eps, minSamples)
		return r
	}
	r.reset(len(points) / dims)
	if len(points) > 0 {
		newTree(points, dims).label(&r, eps, minSamples)
	}
	return r
}

// reset makes it that of n points, of which none is in a cluster.
func (r *Result) reset(n int) {
	r.Labels, r.Distance, r.Clusters = sized(r.Labels, n), sized(r.Distance, n), 0
	for i := range r.Labels {
		r.Labels[i] = Noise
	}
	clear(r.Distance)
}

// sized returns a slice of n numbers, whichever, where there is room s.
func sized[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// line is points of one dimension in ascending order. The zero one is ready; it can be used again and again.
type line struct {
	eps2        float64
	at          []place
	core        []bool
	of          []int32 // cluster of a core, from left to right
	left, right []int32 // of each place the last core on the way there from that side; -1: none
	spare       []place // scratch
}

type place struct {
	x     float64
	index int32 // of the point
}

// take puts points in their order.
func (l *line) take(points []float64) {
	l.at, l.spare = sized(l.at, len(points)), sized(l.spare, len(points))
	for i, x := range points {
		l.at[i] = place{x, int32(i)}
	}
	l.sort()
}

// move moves the places to where a function that does not fall, but for rounding, puts them.
func (l *line) move(to func(place int) float64) {
	for i := range l.at {
		p := place{to(i), l.at[i].index}
		for ; i > 0 && l.at[i-1].x > p.x; i-- {
			l.at[i] = l.at[i-1]
		}
		l.at[i] = p
	}
}

// cluster finds the clusters.
func (l *line) cluster(r *Result, eps float64, minSamples int) {
	n := len(l.at)
	l.eps2, l.core, l.of, l.left, l.right = eps*eps, sized(l.core, n), sized(l.of, n), sized(l.left, n), sized(l.right, n)
	from, to := 0, 0 // the points within eps
	for i := range l.at {
		for !l.near(from, i) {
			from++
		}
		for to < n && l.near(i, to) {
			to++
		}
		l.core[i] = to-from >= minSamples
	}
	r.reset(n)
	l.label(r)
}

// near says whether two places are at most eps apart.
func (l *line) near(i, j int) bool {
	d := l.at[j].x - l.at[i].x
	return d*d <= l.eps2
}

// label numbers the clusters and fills in r.
func (l *line) label(r *Result) {
	first := l.join()
	order := make([]int32, len(first)) // clusters, that with the first core first
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(first[a], first[b]) })
	number := make([]int32, len(first))
	for i, c := range order {
		number[c] = int32(i)
	}
	r.Clusters = len(first)
	l.nearest(l.left, 1)
	l.nearest(l.right, -1)
	for i, p := range l.at {
		if l.core[i] {
			r.Labels[p.index] = number[l.of[i]]
			continue
		}
		best, distance := int32(math.MaxInt32), math.Inf(1)
		for _, c := range [...]int32{l.left[i], l.right[i]} {
			if c < 0 {
				continue
			}
			d := math.Abs(l.at[c].x - p.x)
			distance = min(distance, d)
			if d*d <= l.eps2 {
				best = min(best, number[l.of[c]])
			}
		}
		if best != math.MaxInt32 {
			r.Labels[p.index] = best
		} else {
			r.Distance[p.index] = distance
		}
	}
}

// join gives each core its cluster, from left to right, and returns the least index of each cluster's cores.
func (l *line) join() (first []int32) {
	last := -1
	for i, p := range l.at {
		if !l.core[i] {
			continue
		}
		if last < 0 || !l.near(last, i) {
			first = append(first, p.index)
		}
		c := len(first) - 1
		l.of[i], first[c] = int32(c), min(first[c], p.index)
		last = i
	}
	return first
}

// nearest finds for each place the last core on the way there, coming from the left (1) or the right (-1); -1: none.
func (l *line) nearest(found []int32, step int) {
	last := int32(-1)
	i := 0
	if step < 0 {
		i = len(l.at) - 1
	}
	for range l.at {
		if l.core[i] {
			last = int32(i)
		}
		found[i] = last
		i += step
	}
}
