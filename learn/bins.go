package learn

import (
	"math"
	"slices"
	"strconv"
)

// maxBins is how many bins a column can have; one more is for what is not known.
const (
	maxBins    = 255
	missingBin = 255
)

// bins are columns as small numbers: bin b of a column holds what is above edge b-1 and up to edge b.
type bins struct {
	edges [][]float64 // of each column, ascending
	of    [][]uint8   // of each column, of each row
}

// newBins puts rows into so many bins a column: one for each value where there are few values, else of equal mass.
func newBins(rows *Rows, most int) *bins {
	b := &bins{}
	for j, d := 0, len(rows.Columns); j < d; j++ {
		column := make([]float64, rows.Len())
		for i := range column {
			column[i] = rows.X[i*d+j]
		}
		edges := edgesOf(column, most)
		of := make([]uint8, len(column))
		for i, x := range column {
			of[i] = missingBin
			if x == x {
				bin, _ := slices.BinarySearch(edges, x)
				of[i] = uint8(bin)
			}
		}
		b.edges, b.of = append(b.edges, edges), append(b.of, of)
	}
	return b
}

// edgesOf returns the edges between the bins of a column.
func edgesOf(column []float64, most int) (edges []float64) {
	known := slices.DeleteFunc(slices.Clone(column), func(x float64) bool { return x != x })
	slices.Sort(known)
	distinct := slices.Compact(slices.Clone(known))
	if len(distinct) <= most {
		for i := 1; i < len(distinct); i++ {
			edges = append(edges, between(distinct[i-1], distinct[i]))
		}
		return edges
	}
	for k := 1; k < most; k++ {
		i := k * len(known) / most
		above, _ := slices.BinarySearch(distinct, known[i])
		if above == 0 {
			continue
		}
		if e := between(distinct[above-1], known[i]); len(edges) == 0 || e > edges[len(edges)-1] {
			edges = append(edges, e)
		}
	}
	return edges
}

// between returns the shortest number near the middle that is a or more and less than b: models become short.
func between(a, b float64) float64 {
	for digits := 1; digits <= 17; digits++ {
		if v := round(a/2+b/2, digits); a <= v && v < b {
			return v
		}
	}
	return a
}

// round returns x to so many significant digits.
func round(x float64, digits int) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64)
	if err != nil { // rounded up beyond the largest number
		return math.Copysign(math.MaxFloat64, x)
	}
	return v
}
