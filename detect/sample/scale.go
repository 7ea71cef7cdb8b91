package sample

import (
	"math"

	"github.com/weir-sensor/weir/detect"
)

// Standardise scales each of the dims columns of rows to mean 0 and (population) standard deviation 1, in place, as
// scikit-learn's StandardScaler does; a column that is constant, but for rounding, becomes 0.
func Standardise(rows []float64, dims int) {
	n := float64(len(rows) / dims)
	for k := range dims {
		mean, variance := 0.0, 0.0
		for i := k; i < len(rows); i += dims {
			mean += rows[i]
		}
		mean /= n
		rest := 0.0 // corrects what rounding left in the mean
		for i := k; i < len(rows); i += dims {
			d := rows[i] - mean
			rest += d
			variance += float64(d * d)
		}
		variance = (variance - rest*rest/n) / n
		// the rounding error of a constant column's variance
		const epsilon = 0x1p-52
		limit := n*epsilon*variance + (n*mean*epsilon)*(n*mean*epsilon)
		scale := math.Sqrt(variance)
		if !(variance > limit) {
			scale = 1
		}
		for i := k; i < len(rows); i += dims {
			rows[i] = (rows[i] - mean) / scale
		}
	}
}

// Robustly scales each of the dims columns of rows to median 0 and an IQR of 1.349, which is that of a normal distribution
// of standard deviation 1, in place; a column with an IQR of 0 is only moved.
func Robustly(rows []float64, dims int) {
	column := make([]float64, 0, len(rows)/dims)
	for k := range dims {
		column = column[:0]
		for i := k; i < len(rows); i += dims {
			column = append(column, rows[i])
		}
		median, scale := robust(func(share float64) float64 { return detect.Quantile(column, share) })
		for i := k; i < len(rows); i += dims {
			rows[i] = (rows[i] - median) / scale
		}
	}
}

// Robust returns what Robustly takes from each number of a column and then divides by, of n numbers of which at returns the
// one that would have an index in ascending order.
func Robust(n int, at func(k int) float64) (median, scale float64) {
	return robust(func(share float64) float64 { return detect.QuantileOf(n, share, at) })
}

func robust(quantile func(share float64) float64) (median, scale float64) {
	median = quantile(0.5)
	scale = (quantile(0.75) - quantile(0.25)) / 1.349
	if scale == 0 {
		scale = 1
	}
	return median, scale
}
