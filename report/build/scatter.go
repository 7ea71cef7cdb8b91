package build

import (
	"fmt"
	"math/rand/v2"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/clusters"
	"github.com/weir-sensor/weir/detect/sample"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/report"
)

// scatter keeps a sample of flows as rows of numbers.
type scatter struct{ sample *sample.Sample }

// The numbers of a flow that tell kinds of flows apart, and how many kinds there are at most.
const maxKinds = 5

func scatterColumns() []string {
	return []string{"bytes_up", "bytes_down", "packets_up", "packets_down", "duration", "bytes_per_packet", "up_down_ratio"}
}

func newScatter(limit int) scatter {
	s := scatter{sample.New(sample.ByFlow, scatterColumns(), limit)}
	s.sample.Reset(1)
	return s
}

// plane is the sample on the plane in which it differs most.
type plane struct {
	points []float64 // two coordinates of each flow
	labels []int32   // its kind
	kinds  int
	part   float64 // of the variance that the plane shows
}

// plane scales the sample, finds kinds, and lays it flat; ok is false where there is too little of it.
func (s *scatter) plane() (p plane, ok bool) {
	dims := s.sample.Dims()
	if len(s.sample.Flows) < 2*maxKinds {
		return p, false
	}
	rows := append([]float64(nil), s.sample.Rows...)
	s.sample.Logs(rows)
	sample.Standardise(rows, dims)
	pca, ok := clusters.NewPCA(rows, dims)
	if !ok {
		return p, false
	}
	found := clusters.Best(rows, dims, maxKinds, 4, rand.New(rand.NewPCG(1, 1)))
	p.labels, p.kinds = found.Labels, len(found.Centres)/dims
	for i := 0; i < len(rows); i += dims {
		p.points = pca.Project(p.points, rows[i:i+dims], 2)
	}
	all := 0.0
	for _, v := range pca.Variance {
		all += v
	}
	p.part = ratio(pca.Variance[0]+pca.Variance[1], all)
	return p, true
}

func (b *Builder) clustersSection() report.Section {
	s := report.Section{Title: "Kinds of flows",
		Intro: "A sample of the flows on the plane in which they differ most (principal components of the logarithms of their numbers), coloured by kind (k-means).\nFlows of one use lie together; look at those far from all others."}
	sampled := b.scatter.sample
	p, ok := b.scatter.plane()
	if !ok {
		s.Note = fmt.Sprintf("There are too few flows: %d, want %d or more.", len(sampled.Flows), 2*maxKinds)
		return s
	}
	plot := report.Plot{ID: "clusters", Title: fmt.Sprintf("%d of %d flows (%.0f %% of the variance)", len(sampled.Flows), sampled.Total, 100*p.part), Form: report.Points,
		X: report.Axis{Label: "first component [standard deviations]"}, Y: report.Axis{Label: "second component [standard deviations]"}}
	members := make([][]int, p.kinds)
	for i, label := range p.labels {
		members[label] = append(members[label], i)
	}
	for k := range members {
		series := report.Series{Name: fmt.Sprintf("kind %d", k+1)}
		for _, i := range members[k] {
			f := &sampled.Flows[i]
			series.X, series.Y = append(series.X, p.points[2*i]), append(series.Y, p.points[2*i+1])
			series.Labels = append(series.Labels, fmt.Sprintf("%s to %s, %s", f.Client, f.Server, output.ProtoName(f.Proto)))
		}
		plot.Series = append(plot.Series, series)
	}
	columns := []report.Column{column("kind", report.Integer, ""), column("flows", report.Integer, "Of the sample.")}
	for _, name := range scatterColumns() {
		columns = append(columns, column(name, report.Number, "Median."))
	}
	s.Tables = []report.Table{b.table("clusters", "Medians of each kind", columns, p.kinds, func(k int) []report.Cell {
		row := []report.Cell{count(uint64(k + 1)), count(uint64(len(members[k])))}
		for c := range sampled.Dims() {
			var values []float64
			for _, i := range members[k] {
				values = append(values, sampled.Rows[i*sampled.Dims()+c])
			}
			row = append(row, number(detect.Quantile(values, 0.5)))
		}
		return row
	})}
	s.Plots = plots(plot)
	return s
}
