package clusters

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Clustering says which points belong together.
type Clustering struct {
	Centres []float64 // rows of dims numbers
	Labels  []int32   // of each point its centre
	Inertia float64   // sum of the squared distances of the points from their centres
}

const (
	maxSteps  = 300  // of one k-means
	tolerance = 1e-4 // centres that moved less than this, squared and in mean variances of the columns, stand still
)

// KMeans moves centres, k rows of dims numbers, to the means of the points nearest to them, until no point changes its
// centre or the centres stand still. A centre without points goes to the point furthest from its own. Points are rows of
// dims numbers; there must be as many as centres. The result is that of scikit-learn's KMeans with this start and its other
// defaults. The caller owns it; start is left as it is.
func KMeans(points []float64, dims int, start []float64) Clustering {
	m := &means{points: points, dims: dims, k: len(start) / dims}
	m.centres, m.next = slices.Clone(start), make([]float64, len(start))
	m.labels, m.before = make([]int32, len(points)/dims), make([]int32, len(points)/dims)
	m.distance, m.members = make([]float64, len(m.labels)), make([]int, m.k)
	still := m.meanVariance() * tolerance
	settled := false
	for step := 0; step < maxSteps && !settled; step++ {
		m.assign()
		moved := m.move()
		if settled = step > 0 && slices.Equal(m.labels, m.before); !settled {
			if moved <= still {
				break
			}
			copy(m.before, m.labels)
		}
	}
	if !settled { // else labels are those that the centres are the means of
		m.assign()
	}
	return Clustering{m.centres, m.labels, m.inertia()}
}

// means is k-means at work.
type means struct {
	points   []float64
	dims, k  int
	centres  []float64
	next     []float64 // scratch for centres
	labels   []int32
	before   []int32   // labels of the step before
	distance []float64 // squared, of each point from its centre
	members  []int     // of each centre
}

func (m *means) row(i int) []float64 { return m.points[i*m.dims : (i+1)*m.dims] }

// meanVariance is the mean of the columns' (population) variances.
func (m *means) meanVariance() (sum float64) {
	n := float64(len(m.labels))
	for k := range m.dims {
		mean, square := 0.0, 0.0
		for i := k; i < len(m.points); i += m.dims {
			mean += m.points[i] / n
		}
		for i := k; i < len(m.points); i += m.dims {
			square += float64((m.points[i] - mean) * (m.points[i] - mean))
		}
		sum += square / n / float64(m.dims)
	}
	return sum
}

// assign gives each point the nearest centre, of equally near ones the first.
func (m *means) assign() {
	for i := range m.labels {
		m.labels[i], m.distance[i] = nearest(m.row(i), m.centres)
	}
}

// nearest returns the centre next to x, of equally near ones the first, and the squared distance.
func nearest(x, centres []float64) (best int32, least float64) {
	least = math.Inf(1)
	for c := 0; c*len(x) < len(centres); c++ {
		if d := distance2(x, centres[c*len(x):]); d < least {
			best, least = int32(c), d
		}
	}
	return best, least
}

// distance2 returns the squared distance of x from the row that y begins with.
func distance2(x, y []float64) (sum float64) {
	for k, v := range x {
		d := v - y[k]
		sum += float64(d * d)
	}
	return sum
}

// move brings the centres to the means of their points, and returns the sum of their squared ways.
func (m *means) move() (moved float64) {
	clear(m.next)
	clear(m.members)
	for i, c := range m.labels {
		m.members[c]++
		add(m.next[int(c)*m.dims:], m.row(i), 1)
	}
	m.fill()
	for c := range m.k {
		centre := m.next[c*m.dims : (c+1)*m.dims]
		for k := range centre {
			centre[k] /= float64(max(1, m.members[c]))
		}
		moved += distance2(centre, m.centres[c*m.dims:])
	}
	m.centres, m.next = m.next, m.centres
	return moved
}

// fill gives centres without points one of those furthest from theirs.
func (m *means) fill() {
	empty := 0
	for _, n := range m.members {
		if n == 0 {
			empty++
		}
	}
	if empty == 0 {
		return
	}
	furthest := make([]int, len(m.labels))
	for i := range furthest {
		furthest[i] = i
	}
	slices.SortFunc(furthest, func(a, b int) int {
		return cmp.Or(cmp.Compare(m.distance[b], m.distance[a]), cmp.Compare(b, a))
	})
	for c, n := range m.members {
		if n != 0 {
			continue
		}
		i := furthest[0]
		furthest = furthest[1:]
		from := int(m.labels[i])
		add(m.next[from*m.dims:], m.row(i), -1)
		m.members[from]--
		add(m.next[c*m.dims:], m.row(i), 1)
		m.members[c]++
	}
}

// add adds x, so many times, to the row that sum begins with.
func add(sum, x []float64, times float64) {
	for k, v := range x {
		sum[k] += times * v
	}
}

func (m *means) inertia() (sum float64) {
	for i, c := range m.labels {
		sum += distance2(m.row(i), m.centres[int(c)*m.dims:])
	}
	return sum
}

// PlusPlus returns k of the points, which must be as many, as a start: the first at random, each other one with a chance
// that grows with the square of its distance from those before; of some such the one that leaves the least inertia.
func PlusPlus(points []float64, dims, k int, rng *rand.Rand) []float64 {
	n := len(points) / dims
	row := func(i int) []float64 { return points[i*dims : (i+1)*dims] }
	first := rng.IntN(n)
	centres := slices.Clone(row(first))
	distance := make([]float64, n)
	for i := range n {
		distance[i] = distance2(row(i), row(first))
	}
	trials := 2 + int(math.Log(float64(k)))
	left, best := make([]float64, n), make([]float64, n)
	for len(centres) < k*dims {
		bestSum, chosen := math.Inf(1), 0
		for range trials {
			candidate, sum := draw(distance, rng), 0.0
			for i := range n {
				left[i] = min(distance[i], distance2(row(i), row(candidate)))
				sum += left[i]
			}
			if sum < bestSum {
				bestSum, chosen = sum, candidate
				left, best = best, left
			}
		}
		distance, best = best, distance
		centres = append(centres, row(chosen)...)
	}
	return centres
}

// draw returns an index by chances that are in proportion to weights, where all are 0 the last one.
func draw(weights []float64, rng *rand.Rand) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	at := rng.Float64() * total
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// Best returns the clustering of least inertia among k-means from so many starts of PlusPlus. K is less where there are
// fewer points, which must be one at least.
func Best(points []float64, dims, k, starts int, rng *rand.Rand) Clustering {
	k = min(k, len(points)/dims)
	var best Clustering
	for i := range starts {
		c := KMeans(points, dims, PlusPlus(points, dims, k, rng))
		if i == 0 || c.Inertia < best.Inertia {
			best = c
		}
	}
	return best
}
