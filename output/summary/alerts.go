package summary

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/output"
)

// maxAlerts is how many alerts are told apart.
const maxAlerts = 10000

// Alerts is an AlertSink that prints the worst alerts at the end. Its memory is bounded: of more than 10,000 alerts it
// keeps the first ones and says how many others there were.
type Alerts struct {
	place  map[string]int // by id
	alerts []detect.Alert
	others uint64
}

var _ output.AlertSink = (*Alerts)(nil)

// NewAlerts returns an empty summary of alerts.
func NewAlerts() *Alerts { return &Alerts{place: map[string]int{}} }

// Alerts implements output.AlertSink. An alert that is written again takes the place of what it was.
func (s *Alerts) Alerts(alerts []detect.Alert) error {
	for _, a := range alerts {
		i, ok := s.place[a.ID]
		switch {
		case ok:
			s.alerts[i] = a
		case len(s.alerts) == maxAlerts:
			s.others++
		default:
			s.place[a.ID] = len(s.alerts)
			s.alerts = append(s.alerts, a)
		}
	}
	return nil
}

// Flush implements output.AlertSink; it does nothing.
func (s *Alerts) Flush() error { return nil }

// Close implements output.AlertSink; it does nothing.
func (s *Alerts) Close() error { return nil }

// Abort implements output.AlertSink; it does nothing.
func (s *Alerts) Abort() error { return nil }

// Print writes the worst alerts to w: the most severe first, of those the earliest.
func (s *Alerts) Print(w io.Writer) error {
	var text bytes.Buffer
	slices.SortStableFunc(s.alerts, func(a, b detect.Alert) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.First, b.First))
	})
	if len(s.alerts) == 0 {
		text.WriteString("No alerts.\n\n")
	} else {
		fmt.Fprintf(&text, "%s alert", number(uint64(len(s.alerts))+s.others))
		if len(s.alerts) > 1 {
			text.WriteByte('s')
		}
		if shown := min(len(s.alerts), 2*top); shown < len(s.alerts) {
			fmt.Fprintf(&text, ", the worst %d of them", shown)
		}
		text.WriteString(":\n")
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for i := range s.alerts[:min(len(s.alerts), 2*top)] {
			a := &s.alerts[i]
			fmt.Fprintf(table, "  %s\t%s\t%s/%s\t%s\t%s\t%s\n", a.ID, a.Severity, a.Detector, a.Kind, stampOf(a.First), printable(subject(a)), printable(a.Message))
		}
		table.Flush()
		text.WriteByte('\n')
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Line returns an alert as one line for a terminal, without a line end.
func Line(a *detect.Alert) string {
	return fmt.Sprintf("%s %s %s/%s %s: %s (%d times, id %s)", stampOf(a.Time), a.Severity, a.Detector, a.Kind,
		printable(subject(a)), printable(a.Message), a.Count, a.ID)
}

func subject(a *detect.Alert) string {
	if a.Subject.Version == 0 {
		return "network"
	}
	return a.Subject.String()
}

func stampOf(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05Z") }

// printable returns s with what a terminal would obey, or breaks a line, as a question mark.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
