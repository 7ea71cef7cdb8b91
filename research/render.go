package research

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/weir-sensor/weir/learn"
)

// Table is a part of a report.
type Table struct {
	Title  string
	Header []string
	Rows   [][]string
	Notes  []string
}

// Text returns tables to read on a terminal.
func Text(tables []Table) []byte {
	var b bytes.Buffer
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, t.Title)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.Header}, t.Rows...) {
			if len(row) > 0 {
				fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
			}
		}
		_ = w.Flush() // into memory: it cannot fail
		for _, note := range t.Notes {
			fmt.Fprintln(&b, "  "+note)
		}
	}
	return b.Bytes()
}

// Markdown returns tables as Markdown.
func Markdown(tables []Table) []byte {
	var b bytes.Buffer
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "## %s\n\n", t.Title)
		if len(t.Header) > 0 {
			fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.Header, " | "), strings.Repeat(" --- |", len(t.Header)))
			for _, row := range t.Rows {
				fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
			}
			b.WriteByte('\n')
		}
		for _, note := range t.Notes {
			fmt.Fprintln(&b, "- "+note)
		}
	}
	return b.Bytes()
}

// unit names the cases of a dataset.
func unit(of string) string {
	if of == OfWindows {
		return of
	}
	return OfFlows
}

// interval returns 0.9876 [0.9812, 0.9921].
func interval(i learn.Interval) string {
	if math.IsNaN(i.Value) {
		return "none"
	}
	if math.IsNaN(i.Low) {
		return fmt.Sprintf("%.4f", i.Value)
	}
	return fmt.Sprintf("%.4f [%.4f, %.4f]", i.Value, i.Low, i.High)
}

func (at MethodAt) text() string {
	if !at.Resolvable {
		return fmt.Sprintf("unresolvable (%.3f)", at.TPR.Value)
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", at.TPR.Value, at.TPR.Low, at.TPR.High)
}

func (p PrecisionAt) text() string {
	if math.IsNaN(p.Precision) {
		return "none"
	}
	if p.AtMost {
		return fmt.Sprintf(">= %.3f", p.Precision)
	}
	return fmt.Sprintf("%.3f", p.Precision)
}

// Tables returns the evaluation to read.
func (e *Evaluation) Tables() []Table {
	d := e.Data
	tables := []Table{{Title: "Data", Notes: []string{
		fmt.Sprintf("positive %s: %d of %d servers, %d transports", unit(d.Of), d.Positive, d.PositiveServers, d.Transports),
		fmt.Sprintf("negative %s: %d of %d servers, over %.3f days", unit(d.Of), d.Negative, d.NegativeServers, d.Days),
		fmt.Sprintf("too little payload to be judged: %d positive, %d negative; neither: %d", d.UnjudgedPositive, d.UnjudgedNegative, d.Neither),
	}}, methodTable(e.Methods, e.judgedBases()), e.thresholdTable(), serverTable(e.Servers),
		shareTable("Positives by transport, at the model's threshold", e.Transports),
		shareTable("Positives by workload", e.Workloads), shareTable("Benign applications called most", e.Benign)}
	if e.Decision != nil {
		tables = append(tables, e.Decision.table())
	}
	if e.Calibration != nil {
		tables = append(tables, e.Calibration.table())
	}
	if e.Leak != nil {
		tables = append(tables, e.Leak.table())
	}
	tables = append(tables, auditTable(e.Audit))
	if len(e.Strategies) > 0 {
		tables = append(tables, StrategyTable(e.Strategies))
	}
	return tables
}

func (e *Evaluation) judgedBases() (bases []float64) {
	for _, p := range e.Threshold.Precision {
		bases = append(bases, p.Base)
	}
	return bases
}

func methodTable(methods []Method, bases []float64) Table {
	t := Table{Title: "Methods", Header: []string{"method", "AUC", "AP"}, Notes: []string{
		"intervals: 95 %, by drawing servers; unresolvable: fewer than 10/FPR negatives",
		"precision and false alarms: at the threshold of FPR 0.5 % of each method; >=: none was seen, so 3/n is taken",
	}}
	for _, l := range limits() {
		t.Header = append(t.Header, fmt.Sprintf("TPR at FPR %g %%", 100*l))
	}
	for _, b := range bases {
		t.Header = append(t.Header, fmt.Sprintf("precision at 1:%.0f", 1/b))
	}
	t.Header = append(t.Header, "false alarms/day", "")
	for _, m := range methods {
		row := []string{m.Name, interval(m.AUC), fmt.Sprintf("%.4f", m.AP)}
		for _, at := range m.TPR {
			row = append(row, at.text())
		}
		for _, p := range m.Precision {
			row = append(row, p.text())
		}
		t.Rows = append(t.Rows, append(row, fmt.Sprintf("%.0f", m.Alarms), m.Note))
	}
	return t
}

func (e *Evaluation) thresholdTable() Table {
	o := e.Threshold
	t := Table{Title: fmt.Sprintf("At the model's own threshold, %.4f", o.Score), Notes: []string{
		fmt.Sprintf("called: %d of %d positive, %d of %d negative", o.Counts.TP, o.Counts.TP+o.Counts.FN, o.Counts.FP, o.Counts.FP+o.Counts.TN),
		fmt.Sprintf("TPR %s, FPR %s, false alarms/day %.0f", interval(o.TPR), interval(o.FPR), o.Alarms),
	}}
	for _, p := range o.Precision {
		t.Notes = append(t.Notes, fmt.Sprintf("precision expected at 1:%.0f: %s", 1/p.Base, p.text()))
	}
	return t
}

func serverTable(servers []ServerReport) Table {
	t := Table{Title: "Servers, by their first flows or windows", Header: []string{"after", "called of transports'", "recall", "called of others", "precision"}}
	for _, r := range servers {
		t.Rows = append(t.Rows, []string{fmt.Sprint(r.After), fmt.Sprintf("%d of %d", r.Called, r.Servers), interval(r.Recall),
			fmt.Sprintf("%d of %d", r.False, r.Others), interval(r.Precision)})
	}
	return t
}

func shareTable(title string, shares []ShareReport) Table {
	t := Table{Title: title, Header: []string{"name", "servers", "called", "share"}}
	for _, r := range shares {
		t.Rows = append(t.Rows, []string{r.Name, fmt.Sprint(r.Servers), fmt.Sprintf("%d of %d", r.Called, r.N), interval(r.Share)})
	}
	if len(shares) == 0 {
		t.Header, t.Notes = nil, []string{"none"}
	}
	return t
}

func (r *DecisionReport) table() Table {
	return Table{Title: "Until the decision", Header: []string{"", "p50", "p90", "p99", ""}, Rows: [][]string{
		{"packets with payload, of positive flows called", fmt.Sprint(r.Packets[0]), fmt.Sprint(r.Packets[1]), fmt.Sprint(r.Packets[2]),
			fmt.Sprintf("%d flows, %.3f within 10", r.Flows, r.WithinTen)},
		{"flows, of transports' servers called", fmt.Sprint(r.ServersFlows[0]), fmt.Sprint(r.ServersFlows[1]), fmt.Sprint(r.ServersFlows[2]),
			fmt.Sprintf("%d servers", r.Servers)},
	}}
}

func (r *CalibrationReport) table() Table {
	t := Table{Title: "Calibration, at the share of positives here", Header: []string{"cases", "said", "were"},
		Notes: []string{fmt.Sprintf("Brier %.4f, expected calibration error %.4f", r.Brier, r.ECE)}}
	for _, b := range r.Reliability {
		t.Rows = append(t.Rows, []string{fmt.Sprint(b.N), fmt.Sprintf("%.4f", b.Probability), fmt.Sprintf("%.4f", b.Happened)})
	}
	return t
}

func (r *LeakReport) table() Table {
	t := Table{Title: "Leak indicator: the same kind of model fitted here, held out", Header: []string{"", "AUC", "TPR at FPR 0.5 %"}, Rows: [][]string{
		{"by case", fmt.Sprintf("%.4f", r.AUC[0]), fmt.Sprintf("%.3f", r.TPR[0])},
		{"by server", fmt.Sprintf("%.4f", r.AUC[1]), fmt.Sprintf("%.3f", r.TPR[1])}}, Notes: []string{"no leak: by case is no more than 5 points better"}}
	if r.Indicated {
		t.Notes[0] = "LEAK: by case is more than 5 points better, so servers are known again"
	}
	return t
}

// auditTable shows what is suspect, and the five best columns of each kind.
func auditTable(audit []ColumnAUC) Table {
	t := Table{Title: "Leak audit: AUC of single columns", Header: []string{"column", "", "AUC", "known", ""}}
	shown, leaks := map[bool]int{}, 0
	for _, c := range audit {
		if shown[c.Feature]++; shown[c.Feature] > 5 && !c.Suspect {
			continue
		}
		kind, mark := "raw", ""
		if c.Feature {
			kind = "feature"
		}
		if c.Suspect {
			mark = fmt.Sprintf("above %g", Suspect)
			leaks += class(!c.Feature)
		}
		t.Rows = append(t.Rows, []string{c.Column, kind, fmt.Sprintf("%.4f", c.AUC), fmt.Sprint(c.Known), mark})
	}
	t.Notes = []string{fmt.Sprintf("no raw column is above %g", Suspect)}
	if leaks > 0 {
		t.Notes[0] = fmt.Sprintf("LEAK: %d raw columns tell the classes apart by themselves", leaks)
	}
	return t
}

// StrategyTable shows CovertMark's strategies by its own measures.
func StrategyTable(strategies []StrategyReport) Table {
	t := Table{Title: "CovertMark's strategies by its own measures", Header: []string{"strategy", "TPR", "FPR", "FPR of all packets", "servers blocked", "score", "settings"}}
	for _, s := range strategies {
		t.Rows = append(t.Rows, []string{s.Strategy, interval(s.TPR), interval(s.FPR), fmt.Sprintf("%.4f", s.FPRAll), fmt.Sprintf("%.4f", s.Block),
			s.Score.String(), most(s.Settings)})
	}
	t.Notes = []string{"of packets (sgd: of flows), each judged by what was fitted to other servers; the score's penalty for running time is left out"}
	return t
}

// most returns the most frequent value, of equals the first.
func most(values []string) (best string) {
	n := map[string]int{}
	for _, v := range values {
		n[v]++
	}
	for _, v := range values {
		if n[v] > n[best] {
			best = v
		}
	}
	return best
}

// Tables returns a strategy's report to read.
func (s *StrategyReport) Tables(bases []float64) []Table {
	return []Table{StrategyTable([]StrategyReport{*s}), methodTable([]Method{s.Method}, bases)}
}
