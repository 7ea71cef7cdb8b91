package build

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/report"
)

// windows keeps a sample of windows: of too many each with the same chance (Vitter's algorithm R), by numbers that are the
// same in every run.
type windows struct {
	limit   int
	total   uint64
	rows    []float64 // of each window its features, NaN where one was not computed
	classes []string  // "": no label
	rng     *rand.PCG
}

func newWindows(limit int) windows { return windows{limit: limit, rng: rand.NewPCG(2, 2)} }

// place returns where the next window goes, -1 for nowhere.
func (w *windows) place() int {
	w.total++
	if len(w.classes) < w.limit {
		w.classes = append(w.classes, "")
		w.rows = append(w.rows, make([]float64, features.WindowFeatures)...)
		return len(w.classes) - 1
	}
	if at := w.rng.Uint64() % w.total; at < uint64(w.limit) {
		return int(at)
	}
	return -1
}

// Window adds a window: value returns a feature by its place in features.Features, NaN where it was not computed, and is
// asked only if the window is kept, as is class.
func (b *Builder) Window(class func() string, value func(feature int) float64) {
	w := &b.windows
	at := w.place()
	if at < 0 {
		return
	}
	w.classes[at] = class()
	for i := range features.WindowFeatures {
		w.rows[at*features.WindowFeatures+i] = value(i)
	}
}

// Windows adds windows as they come from the pipeline, all features computed.
func (b *Builder) Windows(list []features.Window) error {
	for i := range list {
		w := &list[i]
		b.Window(func() string {
			if b.opt.Classes == nil || w.Label == 0 {
				return ""
			}
			return b.opt.Classes(w.Label)
		}, func(feature int) float64 { return w.Features[feature] })
	}
	return nil
}

// byClass returns a feature's known values of each class.
func (w *windows) byClass(feature int) map[string][]float64 {
	by := map[string][]float64{}
	for i, class := range w.classes {
		if v := w.rows[i*features.WindowFeatures+feature]; v-v == 0 {
			by[class] = append(by[class], v)
		}
	}
	return by
}

// largest returns the classes with the most windows, as many as a plot has room for, by name.
func (w *windows) largest() (classes []string, more int) {
	n := map[string]int{}
	for _, class := range w.classes {
		n[class]++
	}
	for class := range n {
		classes = append(classes, class)
	}
	slices.SortFunc(classes, func(x, y string) int { return cmp.Or(n[y]-n[x], cmp.Compare(x, y)) })
	more = max(0, len(classes)-maxSeries)
	classes = classes[:len(classes)-more]
	slices.Sort(classes)
	return classes, more
}

func className(class string) string {
	if class == "" {
		return "no label"
	}
	return class
}

// pictured are the features that have a histogram; the table has all.
func pictured(f features.Feature) bool {
	for _, name := range []string{"mean_entropy", "mean_interval", "mean_tcp_len", "push_ratio"} {
		if f.Name == name+"_up" || f.Name == name+"_down" {
			return true
		}
	}
	return false
}

func (b *Builder) windowsSection() report.Section {
	s := report.Section{Title: "Window features",
		Intro: "How the features of windows of packets are distributed, for each class of label where there are labels.\nClasses whose outlines lie apart can be told by that feature alone; where that looks too easy, suspect the labels."}
	w := &b.windows
	if w.total == 0 {
		s.Note = "There are no windows: they were not asked for (--windows), or too few packets were seen."
		return s
	}
	classes, more := w.largest()
	if w.total > uint64(len(w.classes)) {
		s.Note = fmt.Sprintf("A sample of %d of %d windows (report.windows).", len(w.classes), w.total)
	}
	if more > 0 {
		s.Note = join(s.Note, fmt.Sprintf("%d smaller classes are left out.", more))
	}
	var rows [][]report.Cell
	for i, f := range features.Features() {
		by := w.byClass(i)
		for _, class := range classes {
			if values := by[class]; len(values) > 0 {
				row := []report.Cell{text(f.Name), text(f.Unit), text(className(class)), count(uint64(len(values)))}
				for _, at := range []float64{0, 0.25, 0.5, 0.75, 1} {
					row = append(row, number(detect.Quantile(values, at)))
				}
				rows = append(rows, row)
			}
		}
		if pictured(f) && len(by) > 0 {
			s.Plots = append(s.Plots, histogram(f, classes, by))
		}
	}
	wide := *b // there are as many rows as features and classes
	wide.opt.Rows = max(b.opt.Rows, features.WindowFeatures*maxSeries)
	s.Tables = []report.Table{wide.table("windows", "Quartiles", []report.Column{
		column("feature", report.Text, "docs/FEATURES.md has its formula."), column("unit", report.Text, ""), column("class", report.Text, ""), column("windows", report.Integer, ""),
		column("least", report.Number, ""), column("1st quartile", report.Number, ""), column("median", report.Number, ""),
		column("3rd quartile", report.Number, ""), column("greatest", report.Number, ""),
	}, len(rows), func(i int) []report.Cell { return rows[i] })}
	return s
}

// bins is how many steps a histogram has.
const bins = 40

// histogram shows the share of each class's windows by a feature. Intervals have a logarithmic axis, with 1 us for less.
func histogram(f features.Feature, classes []string, by map[string][]float64) report.Plot {
	log := f.Unit == "us"
	scale, back := func(v float64) float64 { return v }, func(v float64) float64 { return v }
	if log {
		scale, back = func(v float64) float64 { return math.Log10(max(v, 1)) }, func(v float64) float64 { return math.Pow(10, v) }
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, class := range classes {
		for _, v := range by[class] {
			low, high = min(low, scale(v)), max(high, scale(v))
		}
	}
	if !(high > low) {
		low, high = low-0.5, low+0.5
	}
	p := report.Plot{ID: "window-" + id(f.Name), Title: f.Name, Form: report.Steps,
		X: report.Axis{Label: f.Name + " [" + f.Unit + "]", Log: log}, Y: report.Axis{Label: "share of the class's windows"}}
	for _, class := range classes {
		values := by[class]
		if len(values) == 0 {
			continue
		}
		s := report.Series{Name: className(class), X: make([]float64, bins), Y: make([]float64, bins)}
		for k := range bins {
			s.X[k] = back(low + (high-low)*float64(k)/bins)
		}
		for _, v := range values {
			s.Y[min(bins-1, int((scale(v)-low)/(high-low)*bins))] += 1 / float64(len(values))
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// id makes an ID of a feature's name.
func id(name string) string { return strings.ReplaceAll(name, "_", "-") }
