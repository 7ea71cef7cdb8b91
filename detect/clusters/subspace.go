package clusters

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Subspace is a PCA of points that come one after another and are forgotten slowly: of their exact covariance, in which each
// counts with its weight. One goroutine uses it.
type Subspace struct {
	dims   int
	weight float64   // of all points
	mean   []float64 // of the columns
	moment []float64 // dims x dims: weighted sums of the products of deviations from the means
}

// NewSubspace returns an empty one of points of dims numbers.
func NewSubspace(dims int) *Subspace {
	return &Subspace{dims: dims, mean: make([]float64, dims), moment: make([]float64, dims*dims)}
}

// Weight returns the weight of all points, less what was forgotten.
func (s *Subspace) Weight() float64 { return s.weight }

// Forget multiplies the weights of all points so far by keep, 0 to 1.
func (s *Subspace) Forget(keep float64) {
	s.weight *= keep
	for i := range s.moment {
		s.moment[i] *= keep
	}
}

// Add adds a point with a weight above 0 (West, Updating Mean and Variance Estimates, CACM 22(9), 1979).
func (s *Subspace) Add(row []float64, weight float64) {
	s.weight += weight
	before := make([]float64, s.dims)
	for i, x := range row {
		before[i] = x - s.mean[i]
		s.mean[i] += before[i] * weight / s.weight
	}
	for i := range row {
		for j, x := range row {
			s.moment[i*s.dims+j] += float64(weight * before[i] * (x - s.mean[j]))
		}
	}
}

// plane is what Subspace knows at one time: means and standard deviations of the columns, and the PCA of what is scaled by them.
type plane struct {
	mean, scale []float64
	pca         PCA
}

// plane returns what is known now, which is the PCA of the columns' correlations; there must be points. A column without variance
// has the scale 1. It fails (ok is false) where a number is not finite.
func (s *Subspace) plane() (p plane, ok bool) {
	p.mean = append(p.mean, s.mean...)
	for i := range s.dims {
		scale := math.Sqrt(s.moment[i*s.dims+i] / s.weight)
		if !(scale > 1e-9*math.Abs(s.mean[i])) { // rounding of a constant column
			scale = 1
		}
		p.scale = append(p.scale, scale)
	}
	correlation := mat.NewSymDense(s.dims, nil)
	for i := range s.dims {
		for j := i; j < s.dims; j++ {
			correlation.SetSym(i, j, s.moment[i*s.dims+j]/s.weight/p.scale[i]/p.scale[j])
		}
	}
	p.pca, ok = newPCA(make([]float64, s.dims), correlation)
	return p, ok
}

// residual returns what the first k directions leave of a row, and how far out it is along them, see PCA.Residual.
func (p *plane) residual(row []float64, k int) (q, t2 float64) {
	scaled := make([]float64, len(row))
	for i, x := range row {
		scaled[i] = (x - p.mean[i]) / p.scale[i]
	}
	return p.pca.Residual(scaled, k)
}
