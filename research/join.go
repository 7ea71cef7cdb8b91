package research

import (
	"math"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Joiner sets the labels of records and windows, and remembers what became of each row. One goroutine uses it. Its
// lookups do not allocate; its memory is that of the rows.
//
// A flow record and a row belong together when they have the same protocol and the same two ends (addresses, for TCP, UDP
// and SCTP also ports), whichever of them is the client, and their times overlap, or miss each other by no more than
// Tolerance. Of several rows the one with the longest overlap wins; of equals one whose source is the record's client;
// of those the one that begins first; of those the one that stands first in the files.
//
// A window and a row belong together when the row is of TCP and of the same two hosts (with windows per flow: and ports),
// and their times overlap likewise. Each column of its label has a value where all rows that belong to it have the same.
type Joiner struct {
	labels  *Labels
	shift   func() int64
	became  []outcome // by row of labels
	windows []row     // stretches, sorted
	pairs   spans
	report  Report
}

// NewJoiner returns a Joiner of the labels for flow records, and for windows made so where any are made; nil: none. The
// times of records and windows are shift() nanoseconds later than those of the capture that the labels are of; nil: they
// are the same. Shift is asked when records come, by their goroutine.
func NewJoiner(l *Labels, windows *features.Config, shift func() int64) *Joiner {
	if shift == nil {
		shift = func() int64 { return 0 }
	}
	j := &Joiner{labels: l, shift: shift, became: make([]outcome, len(l.rows))}
	if windows != nil {
		j.windows = stretches(l.rows, windows.By == features.ByFlow)
		j.pairs = sortRows(j.windows)
		j.report.Windows = &WindowReport{}
	}
	return j
}

// Flows sets the labels of records, to be looked up in Labels.FlowLabels.
func (j *Joiner) Flows(records []flowtable.Record) {
	shift := j.shift()
	for i := range records {
		r := &records[i]
		k, turned := keyOf(r.Client, r.Server, r.ClientPort, r.ServerPort, r.Proto, r.Version)
		best, n := j.best(k, earlier(r.Start, shift), earlier(r.End, shift), turned)
		if n == 0 {
			r.Label = 0
			j.report.Flows.Unlabelled++
			continue
		}
		row := &j.labels.rows[best]
		r.Label = row.label
		j.report.Flows.Labelled++
		if row.turned != turned {
			j.report.Flows.Swapped++
		}
		if n > 1 {
			j.report.Flows.Contested++
		}
		j.became[best].won(r.ID)
	}
}

// row returns the place of the row that a record belongs to, as Flows finds it; ok is false without any.
func (j *Joiner) row(r *flowtable.Record) (place int, ok bool) {
	k, turned := keyOf(r.Client, r.Server, r.ClientPort, r.ServerPort, r.Proto, r.Version)
	shift := j.shift()
	place, n := j.best(k, earlier(r.Start, shift), earlier(r.End, shift), turned)
	return place, n > 0
}

// earlier returns t - by, or the bound it would go beyond.
func earlier(t, by int64) int64 {
	switch d := t - by; {
	case by > 0 && d > t:
		return math.MinInt64 + Tolerance
	case by < 0 && d < t:
		return math.MaxInt64 - Tolerance
	default:
		return min(max(d, math.MinInt64+Tolerance), math.MaxInt64-Tolerance)
	}
}

// best returns which row a record belongs to, and how many could have been it; without any, there is none.
func (j *Joiner) best(k key, start, end int64, turned bool) (best, n int) {
	s, ok := j.labels.at[k]
	if !ok {
		return 0, 0
	}
	rows := begun(j.labels.rows, s, end+Tolerance)
	var longest int64
	var right bool // the best row's source is the record's client
	for i := len(rows) - 1; i >= 0 && rows[i].reach >= start-Tolerance; i-- {
		r := &rows[i]
		if r.last < start-Tolerance {
			continue
		}
		place := int(s.from) + i
		j.became[place].fate = max(j.became[place].fate, Outdone)
		n++
		// Rows come from the last to the first: of equals the later one seen is the one wanted, unless it is the wrong way round.
		overlap := min(r.last, end) - max(r.first, start)
		if n == 1 || overlap > longest || overlap == longest && (r.turned == turned || !right) {
			best, longest, right = place, overlap, r.turned == turned
		}
	}
	return best, n
}

// outcome is what became of a row.
type outcome struct {
	flow uint64 // whose record had its label first
	fate Fate
}

// won notes that a record of a flow has the row's label.
func (o *outcome) won(flow uint64) {
	switch {
	case o.fate < Once:
		o.flow, o.fate = flow, Once
	case o.flow != flow:
		o.fate = Several
	case o.fate == Once:
		o.fate = Parts
	}
}

// Windows sets the labels of windows, to be looked up in Labels.WindowLabels. It is a bug to call it where NewJoiner was
// told that there are none.
func (j *Joiner) Windows(windows []features.Window) {
	shift := j.shift()
	all := 1<<len(j.labels.columns) - 1
	for i := range windows {
		w := &windows[i]
		k, _ := keyOf(w.Client, w.Target, w.ClientPort, w.TargetPort, packet.ProtoTCP, w.Version)
		label, differ := j.common(k, earlier(w.First, shift), earlier(w.Last, shift), all)
		w.Label = 0
		switch {
		case label == 0:
			j.report.Windows.Unlabelled++
			continue
		case differ == all:
			j.report.Windows.Ambiguous++
			continue
		case differ == 0:
			j.report.Windows.Labelled++
		default:
			j.report.Windows.Partial++
		}
		w.Label = j.labels.windowLabel(label, differ)
	}
}

// common returns the label of one of the rows that a window belongs to, 0 where there are none, and the columns in which
// others have another value, as bits; all is all of them.
func (j *Joiner) common(k key, first, last int64, all int) (label uint32, differ int) {
	s, ok := j.pairs[k]
	if !ok {
		return 0, 0
	}
	rows := begun(j.windows, s, last+Tolerance)
	for i := len(rows) - 1; i >= 0 && rows[i].reach >= first-Tolerance && differ != all; i-- {
		switch r := &rows[i]; {
		case r.last < first-Tolerance:
		case label == 0:
			label = r.label
		case label != r.label:
			differ |= j.labels.differ(label, r.label)
		}
	}
	return label, differ
}
