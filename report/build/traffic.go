package build

import (
	"math"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/report"
)

// timeline has bytes and flows by time, in steps that double where there would be too many, aligned to the epoch.
type timeline struct {
	step  int64 // ns; 0: empty
	first int64 // number of the first step
	steps []moment
}

type moment struct {
	bytes [2]float64
	flows float64
}

const (
	maxSteps = 240
	second   = int64(1e9)
)

// add adds a record: a flow where it began, its bytes evenly over its time.
func (t *timeline) add(r *flowtable.Record) {
	start, end := max(r.Start, 0), max(r.End, r.Start, 0)
	if t.step == 0 {
		t.step, t.first, t.steps = second, start/second, []moment{{}}
	}
	t.cover(start)
	t.cover(end)
	if r.Part == 0 {
		t.steps[start/t.step-t.first].flows++
	}
	from, to := start/t.step, end/t.step
	for k := from; k <= to; k++ {
		part := 1.0
		if from != to {
			part = float64(min(end, (k+1)*t.step)-max(start, k*t.step)) / float64(end-start)
		}
		m := &t.steps[k-t.first]
		m.bytes[up] += part * float64(r.Bytes[up])
		m.bytes[down] += part * float64(r.Bytes[down])
	}
}

// cover makes room for a time.
func (t *timeline) cover(at int64) {
	for max(at/t.step, t.first+int64(len(t.steps))-1)-min(at/t.step, t.first) >= maxSteps {
		t.double()
	}
	k := at / t.step
	if before := t.first - k; before > 0 {
		t.steps = append(make([]moment, before), t.steps...)
		t.first = k
	}
	for k >= t.first+int64(len(t.steps)) {
		t.steps = append(t.steps, moment{})
	}
}

// double makes the steps twice as long.
func (t *timeline) double() {
	var merged []moment
	for i, m := range t.steps {
		k := (t.first+int64(i))/2 - t.first/2
		if k == int64(len(merged)) {
			merged = append(merged, moment{})
		}
		to := &merged[k]
		for d := range 2 {
			to.bytes[d] += m.bytes[d]
		}
		to.flows += m.flows
	}
	t.step, t.first, t.steps = 2*t.step, t.first/2, merged
}

func (b *Builder) trafficSection() report.Section {
	s := report.Section{Title: "Traffic over time",
		Intro: "How much was sent, by time: up is from client to server. A flow's bytes count evenly over its time.\nLook for steps and peaks that nothing planned explains."}
	if b.all.records == 0 {
		s.Note = noFlows
		return s
	}
	t := &b.timeline
	seconds := float64(t.step) / 1e9
	s.Tables = []report.Table{b.table("traffic", "In steps of "+duration(t.step), []report.Column{
		column("from", report.Time, "Beginning of the step."),
		column("flows", report.Integer, "Flows that began in it."),
		column("bytes up", report.Bytes, "IP bytes from clients to servers."),
		column("bytes down", report.Bytes, "IP bytes from servers to clients."),
	}, len(t.steps), func(i int) []report.Cell {
		m := &t.steps[i]
		return []report.Cell{instant((t.first + int64(i)) * t.step), number(m.flows), number(math.Round(m.bytes[up])), number(math.Round(m.bytes[down]))}
	})}
	var x, ups, downs, flows []float64
	for i, m := range t.steps {
		x = append(x, float64((t.first+int64(i))*t.step))
		ups, downs, flows = append(ups, m.bytes[up]/seconds), append(downs, m.bytes[down]/seconds), append(flows, m.flows/seconds)
	}
	when := report.Axis{Label: "time [" + b.opt.Zone + "]", Time: true}
	s.Plots = []report.Plot{
		{ID: "traffic-bytes", Title: "Bytes per second", Form: report.Lines, X: when, Y: report.Axis{Label: "bytes per second [B/s]"},
			Series: []report.Series{{Name: "up", X: x, Y: ups}, {Name: "down", X: x, Y: downs}}},
		{ID: "traffic-flows", Title: "New flows per second", Form: report.Lines, X: when, Y: report.Axis{Label: "new flows per second [1/s]"},
			Series: []report.Series{{Name: "flows", X: x, Y: flows}}},
	}
	return s
}
