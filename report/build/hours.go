package build

import (
	"fmt"
	"time"

	"github.com/weir-sensor/weir/report"
)

// hours counts flows by the hour of the day in which they began.
type hours struct {
	flows [24]uint64
	days  map[int32]bool // days since the epoch, of the zone, on which a flow began
	last  int32          // of days; -1: none
	full  bool           // there were more days than fit
}

// maxDays is more than a century.
const maxDays = 40_000

func newHours() hours { return hours{days: map[int32]bool{}, last: -1} }

func (h *hours) add(at int64, zone *time.Location) {
	t := time.Unix(0, at).In(zone)
	h.flows[t.Hour()]++
	_, offset := t.Zone()
	day := int32((t.Unix() + int64(offset)) / 86400)
	if day == h.last {
		return
	}
	h.last = day
	if len(h.days) < maxDays {
		h.days[day] = true
	} else if !h.days[day] {
		h.full = true
	}
}

func (b *Builder) hoursSection() report.Section {
	h := &b.hours
	days := uint64(len(h.days))
	s := report.Section{Title: "Connections by hour of the day",
		Intro: fmt.Sprintf("Flows that began in each hour of the day (%s), divided by the %d days on which flows began; empty hours are shown.\nLook for work at hours when nobody works.", b.opt.Zone, days)}
	if b.all.records == 0 {
		s.Note = noFlows
		return s
	}
	if b.end-b.all.first < 24*int64(time.Hour) {
		s.Note = fmt.Sprintf("The records begin at %s and end at %s: hours outside were not seen.", b.clock(b.all.first), b.clock(b.end))
	}
	if h.full {
		s.Note = join(s.Note, fmt.Sprintf("Only %d days were told apart.", maxDays))
	}
	var total uint64
	for _, n := range h.flows {
		total += n
	}
	perDay := func(hour int) float64 { return ratio(float64(h.flows[hour]), float64(days)) }
	name := func(hour int) string { return fmt.Sprintf("%02d", hour) }
	table := report.Table{ID: "hours", Title: "By hour", Total: 24, Columns: []report.Column{
		column("hour", report.Text, "From this hour to the next."),
		column("flows", report.Integer, "Flows that began in it."),
		column("flows per day", report.Number, "Divided by the days on which flows began."),
		column("share", report.Share, "Of all flows."),
	}}
	plot := report.Plot{ID: "hours", Title: "Flows per day, by hour", Form: report.Bars,
		X: report.Axis{Label: "hour of the day [" + b.opt.Zone + "]"}, Y: report.Axis{Label: "flows per day"}, Series: []report.Series{{Name: "flows per day"}}}
	for hour := range 24 {
		table.Rows = append(table.Rows, []report.Cell{text(name(hour)), count(h.flows[hour]), number(perDay(hour)), share(h.flows[hour], total)})
		plot.Categories = append(plot.Categories, name(hour))
		plot.Series[0].X, plot.Series[0].Y = append(plot.Series[0].X, float64(hour)), append(plot.Series[0].Y, perDay(hour))
	}
	s.Tables, s.Plots = []report.Table{table}, []report.Plot{plot}
	return s
}

// duration returns a round duration without zeros behind it.
func duration(ns int64) string {
	d := time.Duration(ns)
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 4*unit.of {
			return fmt.Sprintf("%.4g %s", d.Hours()/unit.of.Hours(), unit.name)
		}
	}
	return fmt.Sprintf("%.4g s", d.Seconds())
}
