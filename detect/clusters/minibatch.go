package clusters

import (
	"math/rand/v2"
	"slices"
)

const (
	batchSize = 1024 // points of a batch
	passes    = 10   // over all points, at most
)

// MiniBatch moves centres, k rows of dims numbers, towards points, rows of dims numbers, which come in batches of size: each
// point belongs to the centre that was nearest before its batch, and takes that a part of the way, one by how many points
// the centre has had (Sculley, Web-Scale K-Means Clustering, WWW 2010). After so many passes over all points, or once
// the centres stand still, each point gets the nearest centre. The result of one pass is that of scikit-learn's
// MiniBatchKMeans, batch by batch, which gives no centre another place. The caller owns it; start is left as it is.
func MiniBatch(points []float64, dims int, start []float64, size, passes int) Clustering {
	m := &means{points: points, dims: dims, k: len(start) / dims, centres: slices.Clone(start)}
	m.labels, m.distance = make([]int32, len(points)/dims), make([]float64, len(points)/dims)
	m.members = make([]int, m.k)
	still := m.meanVariance() * tolerance
	for range passes {
		before := slices.Clone(m.centres)
		for from := 0; from < len(m.labels); from += size {
			m.absorb(from, min(from+size, len(m.labels)))
		}
		if distance2(before, m.centres) <= still {
			break
		}
	}
	m.assign()
	return Clustering{m.centres, m.labels, m.inertia()}
}

// absorb moves the centres towards a batch of points.
func (m *means) absorb(from, to int) {
	for i := from; i < to; i++ {
		m.labels[i], _ = nearest(m.row(i), m.centres)
	}
	for i := from; i < to; i++ {
		c := int(m.labels[i])
		m.members[c]++
		centre := m.centres[c*m.dims : (c+1)*m.dims]
		for k, x := range m.row(i) {
			centre[k] += (x - centre[k]) / float64(m.members[c])
		}
	}
}

// bestOfBatches returns the clustering of MiniBatch from the best of so many starts of PlusPlus, which are made from, and
// judged by, three batches. The points are brought into a random order for it, and the labels are those of points as they are.
func bestOfBatches(points []float64, dims, k, starts int, rng *rand.Rand) Clustering {
	order := rng.Perm(len(points) / dims)
	shuffled := make([]float64, 0, len(points))
	for _, i := range order {
		shuffled = append(shuffled, points[i*dims:(i+1)*dims]...)
	}
	sample := shuffled[:min(len(shuffled), 3*batchSize*dims)]
	k = min(k, len(sample)/dims)
	start := Best(sample, dims, k, starts, rng).Centres
	c := MiniBatch(shuffled, dims, start, batchSize, passes)
	labels := make([]int32, len(order))
	for at, i := range order {
		labels[i] = c.Labels[at]
	}
	c.Labels = labels
	return c
}
