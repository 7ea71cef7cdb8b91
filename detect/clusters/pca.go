package clusters

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// PCA is the directions in which points differ most (Pearson, On Lines and Planes of Closest Fit, 1901).
type PCA struct {
	Mean       []float64   // of the columns
	Variance   []float64   // along each component, descending; sums are divided by n-1
	Components [][]float64 // unit vectors; the coefficient of largest size is positive
}

// NewPCA returns all components of points, rows of dims numbers; there must be two rows or more. The covariance matrix is
// factorised by gonum. It fails (ok is false) where a number is not finite.
func NewPCA(points []float64, dims int) (p PCA, ok bool) {
	n := len(points) / dims
	data := mat.NewDense(n, dims, points)
	for k := range dims {
		p.Mean = append(p.Mean, stat.Mean(mat.Col(nil, k, data), nil))
	}
	cov := mat.NewSymDense(dims, nil)
	stat.CovarianceMatrix(cov, data, nil)
	return newPCA(p.Mean, cov)
}

// newPCA returns the components of what has these means and covariances.
func newPCA(mean []float64, cov *mat.SymDense) (p PCA, ok bool) {
	dims := len(mean)
	p.Mean = mean
	var eigen mat.EigenSym
	if !finite(cov.RawSymmetric().Data) || !eigen.Factorize(cov, true) {
		return PCA{}, false
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	for k := dims - 1; k >= 0; k-- { // gonum's are ascending
		p.Variance = append(p.Variance, max(0, values[k]))
		p.Components = append(p.Components, signed(mat.Col(nil, k, &vectors)))
	}
	return p, true
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// signed turns v so that its coefficient of largest size is positive.
func signed(v []float64) []float64 {
	largest := 0
	for k := range v {
		if math.Abs(v[k]) > math.Abs(v[largest]) {
			largest = k
		}
	}
	if v[largest] < 0 {
		for k := range v {
			v[k] = -v[k]
		}
	}
	return v
}

// Project appends the coordinates of a row along the first k components to dst.
func (p *PCA) Project(dst, row []float64, k int) []float64 {
	for _, component := range p.Components[:k] {
		sum := 0.0
		for j, x := range row {
			sum += float64((x - p.Mean[j]) * component[j])
		}
		dst = append(dst, sum)
	}
	return dst
}

// Residual returns what the first k components leave of a row: q is the squared distance from their plane, t2 (Hotelling's)
// the squared distance within it, each direction in its own standard deviations. Directions without variance are left out.
func (p *PCA) Residual(row []float64, k int) (q, t2 float64) {
	for j, t := range p.Project(nil, row, len(p.Components)) {
		switch {
		case j >= k:
			q += t * t
		case p.Variance[j] > 0:
			t2 += t * t / p.Variance[j]
		}
	}
	return q, t2
}
