package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

const (
	hostSchema  = "weir.host.v1"
	rankedHosts = 10_000 // rows of hosts.EXT
	shownHosts  = 10     // rows on the terminal
)

// ranking returns the n hosts with which something is most likely wrong, the worst first; nil where nothing ranks them.
func ranking(e *detect.Engine, n int) []ensemble.RankedHost {
	if e == nil {
		return nil
	}
	for _, d := range e.Detectors() {
		if d, ok := d.(*ensemble.Detector); ok {
			return d.Ranking(n)
		}
	}
	return nil
}

// writeHosts writes the ranking into a target, which it owns.
func writeHosts(target output.Target, format output.Format, hosts []ensemble.RankedHost) error {
	sink := output.NewRecords(target, format, hostFields(), hostSchema, programVersion())
	if err := sink.Write(hosts); err != nil {
		_ = sink.Abort() // the first error says why
		return err
	}
	return sink.Close()
}

// keepRanking writes the ranking of a live run as it is now: hosts.ndjson in place of the one before.
func (l *live) keepRanking(run *sensor.Live) error {
	var hosts []ensemble.RankedHost
	run.Detection(func(e *detect.Engine) { hosts = ranking(e, rankedHosts) })
	if hosts == nil || l.out == "" {
		return nil
	}
	file, err := output.Create(filepath.Join(l.out, "hosts.ndjson"))
	if err != nil {
		return err
	}
	return writeHosts(file, output.NDJSON, hosts)
}

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

// hostFields are the columns of the ranking; docs/ENSEMBLE.md describes them.
func hostFields() []output.Field[ensemble.RankedHost] {
	type host = ensemble.RankedHost
	column := output.Column{}
	named := func(name string, t output.Type, nullable bool, value func(h *host) output.Value) output.Field[host] {
		c := column
		c.Name, c.Type, c.Nullable = name, t, nullable
		return output.Field[host]{Column: c, Value: value}
	}
	return []output.Field[host]{
		named("rank", output.Integer, false, func(h *host) output.Value { return output.UintValue(uint64(h.Rank)) }),
		named("host", output.String, false, func(h *host) output.Value { return output.TextValue(h.Host.String()) }),
		named("probability", output.Number, true, func(h *host) output.Value { return output.NumberOrNull(h.Probability) }),
		named("score", output.Number, true, func(h *host) output.Value { return output.NumberOrNull(h.Score) }),
		named("p", output.Number, true, func(h *host) output.Value { return output.NumberOrNull(h.P) }),
		named("alerts", output.Integer, false, func(h *host) output.Value { return output.UintValue(h.Alerts) }),
		named("first", output.Time, false, func(h *host) output.Value { return output.TimeValue(h.First) }),
		named("last", output.Time, false, func(h *host) output.Value { return output.TimeValue(h.Last) }),
		named("detectors", output.Objects, false, func(h *host) output.Value { return shares(h.Shares) }),
	}
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
