package build

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/report"
)

// Report returns what the records that were added come to. More may be added afterwards.
func (b *Builder) Report() *report.Report {
	r := &report.Report{Title: b.opt.Title, Subtitle: b.opt.Subtitle}
	if b.all.records > 0 {
		between := fmt.Sprintf("%s to %s (%s)", b.clock(b.all.first), b.clock(b.end), b.opt.Zone)
		r.Subtitle = strings.TrimPrefix(r.Subtitle+"; "+between, "; ")
	}
	b.resolve()
	for _, s := range b.sections() {
		if b.opt.Sections == nil || slices.Contains(b.opt.Sections, s.id) {
			made := s.make()
			made.ID = s.id
			r.Sections = append(r.Sections, made)
		}
	}
	return r
}

// clock returns a time in the report's zone, to the second.
func (b *Builder) clock(ns int64) string {
	return time.Unix(0, ns).In(b.zone).Format("2006-01-02 15:04:05")
}

// column makes a column.
func column(name string, kind report.Kind, help string) report.Column {
	return report.Column{Name: name, Kind: kind, Help: help}
}

func text(s string) report.Cell         { return report.Cell{Text: s} }
func number(v float64) report.Cell      { return report.Cell{Number: v} }
func count(n uint64) report.Cell        { return report.Cell{Number: float64(n)} }
func instant(ns int64) report.Cell      { return report.Cell{Number: float64(ns)} }
func share(part, of uint64) report.Cell { return number(ratio(float64(part), float64(of))) }

// ratio is x/y as floating point has it: infinite for x/0, NaN for 0/0.
func ratio(x, y float64) float64 { return x / y }

// host returns a cell with an address that leads to its row in the ranking.
func host(h detect.Host) report.Cell {
	return report.Cell{Text: h.String(), Link: "#" + hostID(h.String())}
}

// hostID is the ID of a host's row in the ranking.
func hostID(address string) string {
	return "host-" + strings.NewReplacer(".", "-", ":", "-").Replace(address)
}

// table makes a table of n rows, of which no more are made than are shown or go into its file.
func (b *Builder) table(id, title string, columns []report.Column, n int, row func(i int) []report.Cell) report.Table {
	t := report.Table{ID: id, Title: title, Columns: columns, Total: n}
	for i := range min(n, max(b.opt.Rows, b.opt.AllRows)) {
		t.All = append(t.All, row(i))
	}
	t.Rows = t.All[:min(len(t.All), b.opt.Rows)]
	if len(t.Rows) == n {
		t.All = nil
	}
	return t
}

// lost says what a sum has forgotten, "" for nothing.
func (t *tally[K]) lost(what string) string {
	if t.dropped == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s with little traffic (%d bytes in %d records) were summed up together, because there are more than report.max_hosts; their rows may be missing or too low.",
		t.dropped, what, t.others.total(), t.others.records)
}

// join joins sentences.
func join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

// none is the note of a section without data.
const noFlows = "There are no flow records."

// top returns the bars of the largest of n rows.
func bars(id, title, axis string, n int, row func(i int) (name string, values []float64), names ...string) report.Plot {
	p := report.Plot{ID: id, Title: title, Form: report.Bars, Y: report.Axis{Label: axis}}
	for _, name := range names {
		p.Series = append(p.Series, report.Series{Name: name})
	}
	for i := range min(n, maxBars) {
		name, values := row(i)
		p.Categories = append(p.Categories, name)
		for s := range p.Series {
			p.Series[s].X, p.Series[s].Y = append(p.Series[s].X, float64(i)), append(p.Series[s].Y, values[s])
		}
	}
	return p
}

// maxBars is how many bars of a kind a plot has.
const maxBars = 15

// plots returns a plot unless it is empty.
func plots(all ...report.Plot) []report.Plot {
	return slices.DeleteFunc(all, func(p report.Plot) bool {
		return !slices.ContainsFunc(p.Series, func(s report.Series) bool { return len(s.X) > 0 })
	})
}

// address returns a host's address.
func address(h detect.Host) netip.Addr { return h.Addr.Netip(h.Version) }

var nan = math.NaN()
