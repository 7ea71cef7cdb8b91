package plots

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/weir-sensor/weir/learn"
)

// PCA draws rows, scaled, by their first two principal components; names says of which group each is, "" of none. What is
// not known counts as the mean.
func PCA(rows *learn.Rows, names []string) (*Figure, error) {
	n, d := rows.Len(), len(rows.Columns)
	if n <= 2 || d < 2 {
		return nil, errors.New("draw pca: want three rows of two columns at least")
	}
	x := mat.NewDense(n, d, learn.NewScaler(rows).Apply(rows))
	var pc stat.PC
	if !pc.PrincipalComponents(x, nil) {
		return nil, errors.New("draw pca: no components found")
	}
	var vectors, projected mat.Dense
	pc.VectorsTo(&vectors)
	projected.Mul(x, signed(vectors.Slice(0, d, 0, 2)))
	shares := pc.VarsTo(nil)
	all := 0.0
	for _, v := range shares {
		all += v
	}
	f := newFigure("pca", "Features by their first two principal components", fmt.Sprintf("first (%.0f %% of the variance)", 100*shares[0]/all),
		fmt.Sprintf("second (%.0f %%)", 100*shares[1]/all))
	of := learn.Numbers(names)
	for g := 0; ; g++ {
		var points plotter.XYs
		name := ""
		for i, k := range of {
			if k == g {
				points, name = append(points, plotter.XY{X: projected.At(i, 0), Y: projected.At(i, 1)}), names[i]
			}
		}
		if len(points) == 0 {
			break
		}
		s, err := plotter.NewScatter(points)
		if err != nil {
			return nil, fmt.Errorf("draw pca: %w", err)
		}
		s.GlyphStyle.Color, s.GlyphStyle.Radius = colour(len(palette)-1+g), vg.Points(1.5) // the first group is grey
		f.plot.Add(s)
		f.plot.Legend.Add(name, s)
	}
	return f, nil
}

// signed returns vectors, each turned so that its largest part is positive.
func signed(vectors mat.Matrix) *mat.Dense {
	v := mat.DenseCopyOf(vectors)
	r, c := v.Dims()
	for j := range c {
		largest := 0.0
		for i := range r {
			if x := v.At(i, j); x*x > largest*largest {
				largest = x
			}
		}
		for i := range r {
			if largest < 0 {
				v.Set(i, j, -v.At(i, j))
			}
		}
	}
	return v
}
