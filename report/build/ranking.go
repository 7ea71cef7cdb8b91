package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/report"
)

// Ranked is a row of the ranking of hosts. Numbers are NaN where they are not known.
type Ranked struct {
	Host                  string
	Probability, Score, P float64
	Alerts                float64
	First, Last           int64
	Shares                []Share // the largest first
}

// Share is a detector's part of a host's score.
type Share struct {
	Detector string  `json:"detector"`
	Share    float64 `json:"share"`
}

// Hosts sets the ranking, the worst first, of which as many are kept as tables have rows.
func (b *Builder) Hosts(hosts []ensemble.RankedHost) {
	b.ranking = nil
	for i := range hosts[:min(len(hosts), b.opt.AllRows)] {
		h := &hosts[i]
		r := Ranked{Host: h.Host.String(), Probability: h.Probability, Score: h.Score, P: h.P, Alerts: float64(h.Alerts), First: h.First, Last: h.Last}
		for _, s := range h.Shares {
			r.Shares = append(r.Shares, Share{s.Detector, s.Share})
		}
		b.Host(r)
	}
}

// Host adds the next host of the ranking.
func (b *Builder) Host(h Ranked) {
	if len(b.ranking) < b.opt.AllRows {
		b.ranking = append(b.ranking, h)
	}
}

// speakers names the detectors with a part of the score that can be seen.
func (r *Ranked) speakers() string {
	var names []string
	for _, s := range r.Shares {
		if s.Share >= 0.005 {
			names = append(names, fmt.Sprintf("%s %.0f %%", s.Detector, 100*s.Share))
		}
	}
	return strings.Join(names, ", ")
}

// compare tells which of two rows comes first, as in a ranking.
func (r Ranked) compare(other Ranked) int {
	return cmp.Or(cmp.Compare(other.Probability, r.Probability), cmp.Compare(other.Score, r.Score), // NaN is less than all
		cmp.Compare(least(r.P), least(other.P)), cmp.Compare(other.Alerts, r.Alerts))
}

// least makes the largest of a p-value that is not known.
func least(p float64) float64 {
	if math.IsNaN(p) {
		return math.Inf(1)
	}
	return p
}

// worstFirst sorts the rows of several rankings, the worst first, and keeps the first of each host, at most n. Of rows that are
// alike the order stays.
func worstFirst(rows []Ranked, n int) []Ranked {
	slices.SortStableFunc(rows, Ranked.compare)
	seen := map[string]bool{}
	rows = slices.DeleteFunc(rows, func(r Ranked) bool {
		again := seen[r.Host]
		seen[r.Host] = true
		return again
	})
	return rows[:min(n, len(rows))]
}

func (b *Builder) rankingSection() report.Section {
	s := report.Section{Title: "Hosts, the worst first",
		Intro: "What all detectors say of each host, put together: the probability that something is wrong with it, and whose word that is.\nBegin at the top. A score is no probability; that is printed only where it was calibrated."}
	if len(b.ranking) == 0 {
		s.Note = "There is no ranking: the detector ensemble did not run (--detect), or judged nobody."
		return s
	}
	all := b.ranking
	s.Tables = []report.Table{b.table("hosts", "Ranking", []report.Column{
		column("rank", report.Integer, ""), column("host", report.Text, ""),
		column("probability", report.Share, "That something is wrong, at the configured base rate; empty: not calibrated."),
		column("score", report.Number, "0 to 1, larger is worse; no probability."),
		column("p", report.Number, "Probability of scores as large where nothing is wrong."),
		column("alerts", report.Integer, ""), column("detectors", report.Text, "Each with its share of the score."),
		column("first", report.Time, "First score or alert."), column("last", report.Time, "Latest one."),
	}, len(all), func(i int) []report.Cell {
		h := &all[i]
		name := text(h.Host)
		name.ID = hostID(h.Host)
		return []report.Cell{count(uint64(i + 1)), name, number(h.Probability), number(h.Score), number(h.P), number(h.Alerts), text(h.speakers()), instant(h.First), instant(h.Last)}
	})}
	var detectors []string
	at := map[string]int{}
	for _, h := range all[:min(len(all), maxBars)] {
		for _, s := range h.Shares {
			if _, ok := at[s.Detector]; !ok && s.Share >= 0.005 && len(at) < maxSeries {
				at[s.Detector] = len(detectors)
				detectors = append(detectors, s.Detector)
			}
		}
	}
	weight, axis := func(h *Ranked) float64 { return h.Probability }, "probability x share"
	if slices.ContainsFunc(all[:min(len(all), maxBars)], func(h Ranked) bool { return math.IsNaN(h.Probability) }) {
		weight, axis = func(h *Ranked) float64 { return h.Score }, "score x share"
	}
	s.Plots = plots(bars("hosts", "Each detector's part", axis, len(all), func(i int) (string, []float64) {
		values := make([]float64, len(detectors))
		for _, s := range all[i].Shares {
			if k, ok := at[s.Detector]; ok && s.Share == s.Share {
				values[k] = weight(&all[i]) * s.Share
			}
		}
		return all[i].Host, values
	}, detectors...))
	for i := range s.Plots {
		s.Plots[i].Form = report.Stacked
	}
	return s
}

// maxSeries is how many series a plot has.
const maxSeries = 6
