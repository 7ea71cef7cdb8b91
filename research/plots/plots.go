package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	// The formats, which plot looks up by name.
	_ "gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgsvg"

	"github.com/weir-sensor/weir/learn"
)

// Size of a figure.
const (
	width  = 7 * vg.Inch
	height = 5 * vg.Inch
)

// palette tells up to eight things apart, also for most who are colour-blind (Okabe and Ito 2008).
var palette = [...]color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255},
	{86, 180, 233, 255}, {240, 228, 66, 255}, {120, 120, 120, 255}}

func colour(i int) color.RGBA { return palette[i%len(palette)] }

// Figure is a drawing.
type Figure struct {
	Name string // of its files, without extension
	plot *plot.Plot
}

// Formats are the extensions of the files that a figure can be.
func Formats() []string { return []string{"png", "svg"} }

// Bytes returns the file of a format.
func (f *Figure) Bytes(format string) ([]byte, error) {
	w, err := f.plot.WriterTo(width, height, format)
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

func newFigure(name, title, x, y string) *Figure {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.TextStyle.Font.Size = vg.Points(8)
	p.Add(plotter.NewGrid())
	return &Figure{name, p}
}

// line adds a line, and its name to the legend where it has one.
func (f *Figure) line(points plotter.XYs, i int, name string) error {
	if len(points) == 0 {
		return nil
	}
	l, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("draw %s: %w", f.Name, err)
	}
	l.Color, l.Width = colour(i), vg.Points(1.5)
	if i >= len(palette)/2 {
		l.Dashes = []vg.Length{vg.Points(4), vg.Points(2)}
	}
	f.plot.Add(l)
	if name != "" {
		f.plot.Legend.Add(name, l)
	}
	return nil
}

// Curve is the curve of a method.
type Curve struct {
	Name string
	ROC  *learn.ROC
}

// ROC draws true over false positive rates, the latter on a logarithmic axis that begins at half a negative.
func ROC(curves []Curve) (*Figure, error) {
	f := newFigure("roc", "ROC", "false positive rate", "true positive rate")
	least := .1
	for _, c := range curves {
		least = min(least, .5/c.ROC.N)
	}
	for i, c := range curves {
		var points plotter.XYs
		last := 0.0
		for _, p := range c.ROC.Points() {
			x := max(p.FPR, least)
			points = append(points, plotter.XY{X: x, Y: last}, plotter.XY{X: x, Y: p.TPR})
			last = p.TPR
		}
		if err := f.line(points, i, c.Name); err != nil {
			return nil, err
		}
	}
	f.plot.X.Scale, f.plot.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	f.plot.X.Min, f.plot.X.Max, f.plot.Y.Min, f.plot.Y.Max = least, 1, 0, 1
	f.plot.Legend.Left, f.plot.Legend.Top, f.plot.Legend.YOffs = true, true, -height/4
	return f, nil
}

// PrecisionRecall draws precision over recall.
func PrecisionRecall(curves []Curve) (*Figure, error) {
	f := newFigure("precision-recall", "Precision and recall, at the share of positives here", "recall", "precision")
	for i, c := range curves {
		var points plotter.XYs
		for _, p := range c.ROC.Points() {
			points = append(points, plotter.XY{X: p.TPR, Y: p.Precision})
		}
		if err := f.line(points, i, c.Name); err != nil {
			return nil, err
		}
	}
	f.plot.X.Min, f.plot.X.Max, f.plot.Y.Min, f.plot.Y.Max = 0, 1, 0, 1.02
	f.plot.Legend.Left = true
	return f, nil
}

// Group is a name with its values.
type Group struct {
	Name   string
	Values []float64 // NaN: not known
}

// Boxes draws the distribution of a feature in each group: median, quartiles, and what lies beyond.
func Boxes(name string, groups []Group) (*Figure, error) {
	f := newFigure("feature-"+name, name, "", "")
	var names []string
	for _, g := range groups {
		var values plotter.Values
		for _, v := range g.Values {
			if v == v && !math.IsInf(v, 0) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		b, err := plotter.NewBoxPlot(vg.Points(12), float64(len(names)), values)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", f.Name, err)
		}
		b.GlyphStyle.Radius = vg.Points(1)
		f.plot.Add(b)
		names = append(names, g.Name)
	}
	f.nominal(names)
	return f, nil
}

// nominal names the places along the x axis, slanted so that long names fit.
func (f *Figure) nominal(names []string) {
	f.plot.NominalX(names...)
	f.plot.X.Tick.Label.Rotation = math.Pi / 4
	f.plot.X.Tick.Label.XAlign, f.plot.X.Tick.Label.YAlign = draw.XRight, draw.YTop
}

// Bar is a share with what it is of.
type Bar struct {
	Name  string
	Share float64
}

// Bars draws shares, 0 to 1.
func Bars(name, title, y string, bars []Bar) (*Figure, error) {
	f := newFigure(name, title, "", y)
	if len(bars) == 0 {
		return f, nil
	}
	var values plotter.Values
	var names []string
	for _, b := range bars {
		values, names = append(values, b.Share), append(names, b.Name)
	}
	chart, err := plotter.NewBarChart(values, vg.Points(min(14, 400/float64(len(bars)))))
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.Name, err)
	}
	chart.Color = colour(0)
	f.plot.Add(chart)
	f.nominal(names)
	f.plot.Y.Min, f.plot.Y.Max = 0, 1.02
	return f, nil
}

// Cumulative draws the share of values that are at most so large.
func Cumulative(name, title, x string, groups []Group) (*Figure, error) {
	f := newFigure(name, title, x, "share")
	for i, g := range groups {
		known := slices.DeleteFunc(slices.Clone(g.Values), func(v float64) bool { return math.IsNaN(v) })
		sorted, last := slices.Sorted(slices.Values(known)), 0.0
		var points plotter.XYs
		for k, v := range sorted {
			share := float64(k+1) / float64(len(sorted))
			points = append(points, plotter.XY{X: v, Y: last}, plotter.XY{X: v, Y: share})
			last = share
		}
		if err := f.line(points, i, g.Name); err != nil {
			return nil, err
		}
	}
	f.plot.Y.Min, f.plot.Y.Max = 0, 1.02
	return f, nil
}
