package clusters

import (
	"cmp"
	"math"
	"slices"
)

const (
	shiftSteps = 300  // of one seed, after the first
	shiftStill = 1e-3 // a step shorter than this share of the bandwidth is the last
)

// MeanShift finds clusters among points, rows of dims numbers, with a flat kernel; bandwidth is its radius, above 0. Each
// cell of that width with points in it is a seed, and moves to the mean of the points within the bandwidth until it rests.
// Of resting places closer than that the one with more points around it stays, of equal ones the larger. Each point belongs
// to the nearest one. The clusters are those of scikit-learn's MeanShift(bin_seeding=True), here with most members first,
// of equal ones the smaller centre; those that nobody belongs to are left out. It takes seeds x points x steps.
func MeanShift(points []float64, dims int, bandwidth float64) Clustering {
	var at []rest
	for _, seed := range seeds(points, dims, bandwidth) {
		if r := climb(points, seed, bandwidth); r.around > 0 {
			at = append(at, r)
		}
	}
	slices.SortFunc(at, func(a, b rest) int {
		return cmp.Or(cmp.Compare(b.around, a.around), slices.Compare(b.mean, a.mean))
	})
	var kept []float64
	for _, r := range at {
		if _, d := nearest(r.mean, kept); d > bandwidth*bandwidth {
			kept = append(kept, r.mean...)
		}
	}
	return byMembers(points, dims, kept)
}

// rest is where a seed came to rest.
type rest struct {
	mean   []float64
	around int // points within the bandwidth of the last step
}

// seeds returns the cells with points in them, or the points where each has its own.
func seeds(points []float64, dims int, bandwidth float64) [][]float64 {
	var cells, rows [][]float64
	for row := range slices.Chunk(points, dims) {
		cell := make([]float64, dims)
		for k, x := range row {
			cell[k] = float64(float32(math.RoundToEven(x/bandwidth)) * float32(bandwidth)) // as scikit-learn rounds
		}
		cells, rows = append(cells, cell), append(rows, row)
	}
	slices.SortFunc(cells, slices.Compare)
	if cells = slices.CompactFunc(cells, slices.Equal); len(cells) == len(rows) {
		return rows
	}
	return cells
}

// climb moves from a seed to where the mean stays.
func climb(points, seed []float64, bandwidth float64) rest {
	dims := len(seed)
	at, mean := slices.Clone(seed), make([]float64, dims)
	for step := 0; ; step++ {
		n := 0
		clear(mean)
		for i := 0; i < len(points); i += dims {
			if distance2(at, points[i:]) <= bandwidth*bandwidth {
				add(mean, points[i:i+dims], 1)
				n++
			}
		}
		if n == 0 {
			return rest{}
		}
		for k := range mean {
			mean[k] /= float64(n)
		}
		if moved := math.Sqrt(distance2(at, mean)); moved < shiftStill*bandwidth || step == shiftSteps {
			return rest{mean, n}
		}
		at, mean = mean, at
	}
}

// byMembers gives each point the nearest centre, and puts those with most points first.
func byMembers(points []float64, dims int, centres []float64) Clustering {
	k := len(centres) / dims
	labels, members := make([]int32, len(points)/dims), make([]int, k)
	c := Clustering{}
	for i := range labels {
		label, d := nearest(points[i*dims:(i+1)*dims], centres)
		labels[i] = label
		members[label]++
		c.Inertia += d
	}
	order := make([]int, 0, k)
	for i, n := range members {
		if n > 0 {
			order = append(order, i)
		}
	}
	row := func(i int) []float64 { return centres[i*dims : (i+1)*dims] }
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(members[b], members[a]), slices.Compare(row(a), row(b)))
	})
	place := make([]int32, k)
	for to, from := range order {
		c.Centres = append(c.Centres, row(from)...)
		place[from] = int32(to)
	}
	for i, l := range labels {
		labels[i] = place[l]
	}
	c.Labels = labels
	return c
}
