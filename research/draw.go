package research

import (
	"slices"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/research/plots"
)

// drawnFeatures is how many features' distributions are drawn: those that tell most by themselves.
const drawnFeatures = 6

// Figures returns the drawings of an evaluation of a model by a dataset.
func (e *Evaluation) Figures(m *transport.Model, d *Dataset) (figures []*plots.Figure, err error) {
	add := func(f *plots.Figure, problem error) {
		if figures = append(figures, f); err == nil {
			err = problem
		}
	}
	var curves []plots.Curve
	for _, method := range e.Methods {
		curves = append(curves, plots.Curve{Name: method.Name, ROC: method.roc})
	}
	add(plots.ROC(curves))
	add(plots.PrecisionRecall(curves))
	rows := d.Rows(VectorizerOf(m.Features, transport.StartPackets), "server")
	names := keys(d, groupName)
	add(plots.PCA(rows, names))
	drawn := 0
	for _, c := range e.Audit {
		if j := slices.Index(rows.Columns, c.Column); c.Feature && drawn < drawnFeatures {
			drawn++
			add(plots.Boxes(c.Column, groups(names, func(i int) float64 { return rows.Row(i)[j] })))
		}
	}
	add(plots.Bars("confusion-by-transport", "Flows called, by transport", "share called", bars(e.Transports)))
	add(plots.Bars("confusion-by-application", "Flows called, by benign application", "share called", bars(e.Applications)))
	if e.Decision != nil {
		add(plots.Cumulative("flows-until-decision", "Until the decision", "packets with payload of a flow, flows of a server", []plots.Group{
			{Name: "packets", Values: e.Decision.packets}, {Name: "flows", Values: e.Decision.flows}}))
	}
	return figures, err
}

// groupName returns a transport's name, or that of all that is benign.
func groupName(c *Case) string {
	if c.Positive {
		return c.Label.Transport
	}
	return "benign"
}

// groups returns values by name, in the order of the names.
func groups(names []string, value func(int) float64) (all []plots.Group) {
	for i, name := range names {
		k := slices.IndexFunc(all, func(g plots.Group) bool { return g.Name == name })
		if k < 0 {
			k = len(all)
			all = append(all, plots.Group{Name: name})
		}
		all[k].Values = append(all[k].Values, value(i))
	}
	slices.SortFunc(all, func(a, b plots.Group) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

func bars(shares []ShareReport) (all []plots.Bar) {
	for _, s := range shares {
		all = append(all, plots.Bar{Name: s.Name, Share: s.Share.Value})
	}
	return all
}
