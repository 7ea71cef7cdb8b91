package report

import (
	"fmt"
	"math"
)

// nasty is what a hostname or a label can hold.
const nasty = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`|\n# [x](javascript:alert(3)) \x1b[31m\u202egpj.exe\u2066 {{.}} &lt; https://evil.example www.evil.example =cmd()"

// hostile returns a small report with nasty strings in every place that has a string.
func hostile() *Report {
	columns := []Column{{nasty, Text, nasty}, {"count", Integer, ""}, {"rate", Number, ""}, {"volume", Bytes, ""}, {"start", Time, ""},
		{"length", Duration, ""}, {"part", Share, nasty}}
	row := func(text string, values ...float64) []Cell {
		cells := []Cell{{Text: text}}
		for _, v := range values {
			cells = append(cells, Cell{Number: v})
		}
		return cells
	}
	inf, nan := math.Inf(1), math.NaN()
	rows := [][]Cell{
		row(nasty, 1234567, 0.5, 1.5e9, 1499340000e9, 1.5e9, 0.25),
		row("plain", 0, 1e-9, 0, 0, 0, 0),
		row("=1+1", -1, -1234.5, 999, 1499343600.25e9, 999, 1),
		row("unknown", nan, nan, nan, nan, nan, nan),
		row("without end", inf, -inf, inf, inf, inf, inf),
		row("\xff\xfe שלום 日本語", 12, 123.45, 1e18, 1e30, 3*24*3600e9, 1e-6),
	}
	rows[0][0].Link, rows[1][0].Link, rows[2][0].Link, rows[3][0].Link = "#row", "javascript:alert(4)", "#nowhere", nasty
	rows[1][0].ID, rows[2][0].ID, rows[4][0].ID = nasty, "row", "row"
	return &Report{Title: nasty, Subtitle: "- not a list\n1. nor this\n" + nasty, Sections: []Section{
		{ID: "first", Title: nasty, Intro: nasty, Note: nasty, Tables: []Table{
			{ID: "table", Title: nasty, Columns: columns, Rows: rows[:5], All: rows, Total: 6},
			{ID: "empty", Title: "no rows", Columns: columns}},
			Plots: []Plot{
				{ID: "bars", Title: nasty, X: Axis{Label: nasty}, Y: Axis{Label: nasty}, Categories: []string{nasty, "b", "c"},
					Series: []Series{{Name: nasty, X: []float64{0, 1, 2}, Y: []float64{1, nan, 3}, Labels: []string{nasty, "", nasty}},
						{Name: "other", X: []float64{0, 1, 7}, Y: []float64{2, inf, 1}}}},
				{ID: "lines", Title: "log and time", Form: Lines, X: Axis{Label: "time", Time: true}, Y: Axis{Label: "rate [1/s]", Log: true},
					Series: []Series{{X: []float64{1499340000e9, 1499343600e9, 1499347200e9}, Y: []float64{0, 10, 1000}}}},
				{ID: "points", Title: "points", Form: Points, X: Axis{Label: "x"}, Y: Axis{Label: "y"},
					Series: []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{-1, 5}}, {Name: nasty, X: []float64{3}, Y: []float64{1e9}}}},
				{ID: "steps", Title: "steps", Form: Steps, X: Axis{Label: "x", Log: true}, Y: Axis{Label: "count"},
					Series: []Series{{X: []float64{1, 10, 100}, Y: []float64{4, 2}}}},
				{ID: "nothing", Title: "nothing", Series: []Series{{X: []float64{nan}, Y: []float64{1}}}},
			}},
		{ID: "second", Title: "nothing here"},
	}}
}

// sample returns a report as a customer would see it, and hostile's first section at its end.
func sample() *Report {
	r := &Report{Title: "What happened on this network", Subtitle: "demo.pcap.gz: 1,284,113 packets in 3 h 12 min, from 2017-07-07 08:59:00Z to 2017-07-07 12:11:00Z.",
		Sections: []Section{ledgerSection(), trafficSection(), countrySection(), alertSection(), windowSection(), flowSection()}}
	bad := hostile().Sections[0]
	bad.ID = "hostile"
	r.Sections = append(r.Sections, bad)
	return r
}

func text(s string) Cell     { return Cell{Text: s} }
func number(v float64) Cell  { return Cell{Number: v} }
func wave(i float64) float64 { return math.Abs(math.Sin(i*12.9898) * 43758.5453) }

func noise(i int) float64 {
	v := wave(float64(i))
	return v - math.Floor(v)
}

func ledgerSection() Section {
	names := []string{"decoded", "no IP", "fragment", "too short", "bad checksum"}
	t := Table{ID: "ledger", Title: "What became of the packets", Columns: []Column{{"fate", Text, ""}, {"packets", Integer, ""}, {"share", Share, "of all packets"}}}
	for i, share := range []float64{0.987, 0.009, 0.0031, 0.0008, 0.00002} {
		t.Rows = append(t.Rows, []Cell{text(names[i]), number(math.Round(share * 1284113)), number(share)})
	}
	return Section{ID: "ledger", Title: "The ledger", Intro: "Every packet is counted once. What was lost is lost for the detectors too.", Tables: []Table{t}}
}

func trafficSection() Section {
	up, down := Series{Name: "from clients"}, Series{Name: "from servers"}
	for i := range 192 {
		at := 1499417940e9 + float64(i)*60e9
		up.X, down.X = append(up.X, at), append(down.X, at)
		up.Y = append(up.Y, 2e5*(1+noise(i))*(1+math.Sin(float64(i)/30)))
		down.Y = append(down.Y, 9e5*(1+noise(i+500))*(1.2+math.Cos(float64(i)/40)))
	}
	hours, protocols := Series{}, Series{}
	var names, kinds []string
	for i := range 24 {
		names = append(names, fmt.Sprintf("%02d", i))
		hours.X, hours.Y = append(hours.X, float64(i)), append(hours.Y, math.Round(4000*noise(i)*float64(i%13)/12))
	}
	for i, name := range []string{"443/tcp (https)", "53/udp (domain)", "80/tcp (http)", "445/tcp (microsoft-ds)", "22/tcp (ssh)"} {
		kinds = append(kinds, name)
		protocols.X, protocols.Y = append(protocols.X, float64(i)), append(protocols.Y, 4e6/math.Pow(float64(i+1), 2))
	}
	return Section{ID: "traffic", Title: "Traffic over time", Intro: "Bytes on the wire per minute, each side of the flows on its own.\nA gap is a minute without packets.",
		Plots: []Plot{
			{ID: "traffic", Title: "Bytes per minute", Form: Lines, X: Axis{Label: "time", Time: true}, Y: Axis{Label: "traffic [B/min]"}, Series: []Series{up, down}},
			{ID: "hours", Title: "Flows by hour of day", X: Axis{Label: "hour of day [UTC]"}, Y: Axis{Label: "flows per day"}, Categories: names, Series: []Series{hours}},
			{ID: "services", Title: "Flows by service", X: Axis{Label: ""}, Y: Axis{Label: "flows"}, Categories: kinds, Series: []Series{protocols}},
		}}
}

func countrySection() Section {
	t := Table{ID: "countries", Title: "Countries of the responders", Columns: []Column{{"country", Text, ""}, {"flows", Integer, ""}, {"bytes out", Bytes, "from clients to servers"},
		{"bytes in", Bytes, ""}, {"ratio", Number, "out by in"}, {"share", Share, "of all bytes"}, {"first seen", Time, ""}, {"longest", Duration, ""}}}
	bars := Series{}
	names := []string{"(private)", "United States", "Germany", "Netherlands", "France", "United Kingdom", "Ireland", "Japan", "Canada", "Sweden", "Brazil", "(unknown)"}
	for i, name := range names {
		n := math.Round(180000 / math.Pow(float64(i+1), 1.7))
		t.Rows = append(t.Rows, []Cell{text(name), number(n), number(n * 812 * noise(i)), number(n * 9120 * noise(i+9)), number(noise(i) / noise(i+9) * 0.09),
			number(n / 330000), number(1499417940e9 + 3e12*noise(i)), number(6e11 * noise(i+3))})
		bars.X, bars.Y = append(bars.X, float64(i)), append(bars.Y, n)
	}
	return Section{ID: "countries", Title: "Where it went", Intro: "Flows and bytes by country of the responder.", Note: "2,113 addresses are in no database; they are the row (unknown).",
		Tables: []Table{t}, Plots: []Plot{{ID: "countries", Title: "Flows by country", X: Axis{}, Y: Axis{Label: "flows", Log: true}, Categories: names, Series: []Series{bars}}}}
}

func alertSection() Section {
	t := Table{ID: "alerts", Title: "Alerts", Columns: []Column{{"time", Time, ""}, {"kind", Text, ""}, {"host", Text, ""}, {"score", Number, "0 to 1"}, {"evidence", Text, ""}, {"flow", Text, "the first of its flows"}}}
	kinds := []string{"scan", "beacon", "exfiltration", "lateral", "flood"}
	for i := range 37 {
		flow := Cell{Text: fmt.Sprintf("flow %d", i*7), Link: fmt.Sprintf("#flow-%d", i*7)}
		t.Rows = append(t.Rows, []Cell{number(1499417940e9 + float64(i)*271e9), text(kinds[i%5]), text(fmt.Sprintf("192.168.10.%d", 3+i*5%200)), number(noise(i)),
			text(fmt.Sprintf("%d ports of %d hosts in 60 s, of which %d answered", 20+i*13, 1+i%9, i%4)), flow})
	}
	return Section{ID: "alerts", Title: "Alerts", Intro: "Each row is one alert with the numbers it was raised for. Follow a link to see the flow that raised it.", Tables: []Table{t}}
}

func windowSection() Section {
	var plots []Plot
	for k, name := range []string{"packet length", "entropy of payloads"} {
		p := Plot{ID: fmt.Sprintf("window-%d", k), Title: "Windows: " + name, Form: Steps, X: Axis{Label: name, Log: k == 0}, Y: Axis{Label: "windows"}}
		for c, class := range []string{"benign", "attack"} {
			s := Series{Name: class}
			for i := range 31 {
				s.X = append(s.X, 40*math.Pow(1.13, float64(i)))
				if k == 1 {
					s.X[i] = float64(i) * 8 / 30
				}
				if i < 30 {
					s.Y = append(s.Y, math.Round(900*math.Exp(-math.Pow(float64(i-10-c*10), 2)/30)))
				}
			}
			p.Series = append(p.Series, s)
		}
		plots = append(plots, p)
	}
	scatter := Plot{ID: "pca", Title: "Flows by their first two principal components", Form: Points, X: Axis{Label: "first component (41% of the variance)"}, Y: Axis{Label: "second component (17%)"}}
	for c, name := range []string{"cluster 0", "cluster 1", "cluster 2", "noise"} {
		s := Series{Name: name}
		for i := range 120 {
			s.X = append(s.X, float64(c)*2.2-3+noise(i+c*300)+noise(i*3+c))
			s.Y = append(s.Y, math.Sin(float64(c)*2)*3+2*noise(i+c*700)+noise(i*5+c))
			s.Labels = append(s.Labels, fmt.Sprintf("192.168.10.%d → 10.0.0.%d:443", i, c))
		}
		scatter.Series = append(scatter.Series, s)
	}
	return Section{ID: "windows", Title: "Windows and clusters", Intro: "How the features of windows are distributed, and flows that look alike.", Plots: append(plots, scatter)}
}

func flowSection() Section {
	t := Table{ID: "flows", Title: "Flows of alerts", Total: 48211, Columns: []Column{{"id", Text, ""}, {"client", Text, ""}, {"server", Text, ""}, {"start", Time, ""}, {"duration", Duration, ""},
		{"packets", Integer, ""}, {"bytes", Bytes, ""}, {"state", Text, ""}}}
	for i := range 260 {
		id := fmt.Sprintf("flow-%d", i)
		t.Rows = append(t.Rows, []Cell{{Text: id, ID: id}, text(fmt.Sprintf("192.168.10.%d:%d", 3+i*5%200, 49152+i*37)), text(fmt.Sprintf("10.0.%d.%d:443 tcp", i%7, i%250)),
			number(1499417940e9 + float64(i)*41e9), number(math.Pow(10, 3+9*noise(i))), number(math.Round(math.Pow(10, 4*noise(i+1)))), number(math.Pow(10, 2+7*noise(i+2))), text([]string{"closed", "reset", "timeout"}[i%3])})
	}
	return Section{ID: "flows", Title: "Flows", Intro: "The flows that alerts lead to.", Tables: []Table{t}}
}
