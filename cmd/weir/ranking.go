package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/output/summary"
)

const shownHosts = 10 // rows on the terminal

// share is a detector's share in JSON.
type share struct {
	Detector string   `json:"detector"`
	Share    *float64 `json:"share"`
	P        *float64 `json:"p"`
	Judged   uint64   `json:"judged"`
	Alerts   uint64   `json:"alerts"`
	Severity *string  `json:"severity"`
}

func shares(list []ensemble.Share) output.Value {
	known := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	all := []share{}
	for _, s := range list {
		row := share{s.Detector, known(s.Share), known(s.P), s.Judged, s.Alerts, nil}
		if s.Alerts > 0 {
			severity := s.Severity.String()
			row.Severity = &severity
		}
		all = append(all, row)
	}
	return output.ObjectsValue(all)
}

// hostFields are the columns of the ranking of hosts; docs/ENSEMBLE.md describes them.
func hostFields() []output.Field[ensemble.RankedHost] {
	type host = ensemble.RankedHost
	return slices.Concat([]output.Field[host]{
		named("rank", output.Integer, func(h *host) output.Value { return output.UintValue(uint64(h.Rank)) }),
		named("host", output.String, func(h *host) output.Value { return output.TextValue(h.Host.String()) }),
	}, rankedFields(func(h *host) *ensemble.Ranked { return &h.Ranked }))
}

// flowFields are those of the ranking of flows.
func flowFields() []output.Field[ensemble.RankedFlow] {
	type flow = ensemble.RankedFlow
	return slices.Concat([]output.Field[flow]{
		named("rank", output.Integer, func(f *flow) output.Value { return output.UintValue(uint64(f.Rank)) }),
		named("flow_id", output.String, func(f *flow) output.Value { return output.TextValue(fmt.Sprintf("%016x", f.FlowID)) }),
		nullable("host", output.String, func(f *flow) output.Value { return output.TextOrNull(f.Host.String()) }),
	}, rankedFields(func(f *flow) *ensemble.Ranked { return &f.Ranked }))
}

// rankedFields are the columns that rankings have in common.
func rankedFields[T any](of func(*T) *ensemble.Ranked) []output.Field[T] {
	return []output.Field[T]{
		nullable("probability", output.Number, func(r *T) output.Value { return output.NumberOrNull(of(r).Probability) }),
		nullable("score", output.Number, func(r *T) output.Value { return output.NumberOrNull(of(r).Score) }),
		nullable("p", output.Number, func(r *T) output.Value { return output.NumberOrNull(of(r).P) }),
		named("alerts", output.Integer, func(r *T) output.Value { return output.UintValue(of(r).Alerts) }),
		named("first", output.Time, func(r *T) output.Value { return output.TimeValue(of(r).First) }),
		named("last", output.Time, func(r *T) output.Value { return output.TimeValue(of(r).Last) }),
		named("detectors", output.Objects, func(r *T) output.Value { return shares(of(r).Shares) }),
	}
}

// named is a column that always has a value, nullable one that may have none.
func named[T any](name string, t output.Type, value func(*T) output.Value) output.Field[T] {
	return output.Field[T]{Column: output.Column{Name: name, Type: t}, Value: value}
}

func nullable[T any](name string, t output.Type, value func(*T) output.Value) output.Field[T] {
	return output.Field[T]{Column: output.Column{Name: name, Type: t, Nullable: true}, Value: value}
}

// printFound prints the worst hosts and alerts.
func printFound(w io.Writer, hosts []ensemble.RankedHost, worst *summary.Alerts) error {
	if err := printRanking(w, hosts); err != nil {
		return err
	}
	return worst.Print(w)
}

// printRanking prints the worst hosts: those of which an alert says something.
func printRanking(w io.Writer, hosts []ensemble.RankedHost) error {
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	n := 0
	for i := range hosts[:min(len(hosts), shownHosts)] {
		h := &hosts[i]
		if h.Alerts == 0 {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintln(table, "  host\tprobability\tscore\talerts\tdetectors")
		}
		probability := "-"
		if !math.IsNaN(h.Probability) {
			probability = fmt.Sprintf("%.3f", h.Probability)
		}
		fmt.Fprintf(table, "  %s\t%s\t%.3f\t%d\t%s\n", h.Host, probability, h.Score, h.Alerts, strings.Join(speakers(h), ", "))
	}
	if n == 0 {
		return nil
	}
	_ = table.Flush() // into memory: it cannot fail
	if _, err := fmt.Fprintf(w, "hosts, the worst first\n%s\n", b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// speakers names the detectors with a part of the host's score that can be seen.
func speakers(h *ensemble.RankedHost) []string {
	var names []string
	for _, s := range h.Shares {
		if s.Share >= 0.005 {
			names = append(names, fmt.Sprintf("%s %.0f %%", s.Detector, 100*s.Share))
		}
	}
	return names
}
