package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/report"
)

// client is one of ours with what it sent to servers outside, and fetched.
type client struct {
	host       detect.Host
	flows      uint64
	out, in    float64 // IP bytes
	ratio      float64 // of those of interest to the others; infinite for x/0, NaN for 0/0
	score      float64 // log((out+1500)/(in+1500)): few bytes weigh little
	percentile float64 // of its ratio among the ratios that are numbers, 0 to 100; NaN: it has none
}

// clients returns all, with the ratio of bytes out to bytes in, or of in to out.
func (b *Builder) clients(download bool) []client {
	var all []client
	for _, e := range b.out.sorted() {
		c := client{host: e.key, flows: e.flows, out: float64(e.bytes[up]), in: float64(e.bytes[down])}
		c.score = math.Log((c.out + 1500) / (c.in + 1500))
		if c.ratio = ratio(c.out, c.in); download {
			c.ratio = ratio(c.in, c.out)
		}
		all = append(all, c)
	}
	rate(all)
	return all
}

// rate gives percentiles: of n ratios, the one with k smaller ones has 100 k/(n-1), so that it is the numbers' percentile of
// type 7 (numpy's). Ratios that are no numbers have none.
func rate(all []client) {
	var ratios []float64
	for i := range all {
		if all[i].finite() {
			ratios = append(ratios, all[i].ratio)
		}
	}
	slices.Sort(ratios)
	for i := range all {
		all[i].percentile = nan
		if all[i].finite() && len(ratios) > 1 {
			all[i].percentile = 100 * float64(sort.SearchFloat64s(ratios, all[i].ratio)) / float64(len(ratios)-1)
		}
	}
}

func (c *client) finite() bool { return c.ratio-c.ratio == 0 }

// top keeps the n = ceil(N (100-p)/100) first of N clients; p of 0 keeps all. The product is rounded where only binary
// fractions keep it from being whole.
func top(all []client, p float64) []client {
	n := math.Ceil(float64(len(all))*(100-p)/100 - 1e-9)
	return all[:min(len(all), int(max(n, 0)))]
}

func (b *Builder) exfiltrationSection() report.Section {
	s := report.Section{Title: "Bytes out and in", Note: b.out.lost("clients"),
		Intro: "What each of our clients sent to servers outside and fetched from them; the second table is the other way round, as some tools show it.\nLook for a client that sends far more than it fetches, and more than its peers: that is what taking data away looks like."}
	if len(b.out.rows) == 0 {
		s.Note = "No flow goes from one of our networks (detect.local_networks) to another one."
		return s
	}
	sent, fetched := b.clients(false), b.clients(true)
	slices.SortStableFunc(sent, func(x, y client) int { return cmp.Compare(y.score, x.score) })
	slices.SortStableFunc(fetched, compareDownloads)
	sent, fetched = top(sent, b.opt.Percentile), top(fetched, b.opt.Percentile)
	if p := b.opt.Percentile; p > 0 {
		s.Note = join(s.Note, fmt.Sprintf("Only the top %g %% of %d clients are shown.", 100-p, len(b.out.rows)))
	}
	columns := func(name string) []report.Column {
		return []report.Column{column("client", report.Text, ""), column("flows", report.Integer, ""),
			column("bytes out", report.Bytes, "IP bytes to servers outside."), column("bytes in", report.Bytes, "IP bytes from them."),
			column(name, report.Number, "Infinite where only one way was seen; empty where nothing was."),
			column("log ratio", report.Number, "log((out+1500)/(in+1500)), by which the first table is sorted: few bytes weigh little."),
			column("percentile", report.Number, "Of the ratio among all clients, 0 to 100.")}
	}
	row := func(c client) []report.Cell {
		return []report.Cell{host(c.host), count(c.flows), number(c.out), number(c.in), number(c.ratio), number(c.score), number(c.percentile)}
	}
	s.Tables = []report.Table{
		b.table("exfiltration", "Sent out", columns("out/in"), len(sent), func(i int) []report.Cell { return row(sent[i]) }),
		b.table("downloads", "Fetched", columns("in/out"), len(fetched), func(i int) []report.Cell { return row(fetched[i]) }),
	}
	s.Plots = []report.Plot{scatterClients(sent)}
	return s
}

// compareDownloads orders by ratio, largest first; ratios that are no numbers come last.
func compareDownloads(x, y client) int {
	if x.finite() != y.finite() {
		if x.finite() {
			return -1
		}
		return 1
	}
	if !x.finite() {
		return cmp.Compare(y.in, x.in)
	}
	return cmp.Compare(y.ratio, x.ratio)
}

// scatterClients shows clients by bytes out and in. 0 is drawn as 1, since the axes are logarithmic.
func scatterClients(clients []client) report.Plot {
	p := report.Plot{ID: "exfiltration", Title: "Bytes out and in, by client", Form: report.Points,
		X: report.Axis{Label: "bytes in [B]", Log: true}, Y: report.Axis{Label: "bytes out [B]", Log: true}, Series: []report.Series{{Name: "clients"}}}
	one := &p.Series[0]
	for _, c := range clients[:min(len(clients), maxPoints)] {
		one.X, one.Y, one.Labels = append(one.X, max(c.in, 1)), append(one.Y, max(c.out, 1)), append(one.Labels, c.host.String())
	}
	return p
}

// maxPoints is how many points of a kind a plot has.
const maxPoints = 1000
