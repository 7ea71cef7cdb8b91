package research

import (
	"cmp"
	"fmt"
	"slices"
)

// Report says what became of the rows of labels files and of the records they were joined to.
type Report struct {
	Rows    RowReport     `json:"rows"`
	Flows   FlowReport    `json:"flows"`
	Windows *WindowReport `json:"windows,omitempty"` // nil where no windows are made
}

// RowReport counts rows by their fate: Total is the sum of the others.
type RowReport struct {
	Total   uint64 `json:"total"`
	Once    uint64 `json:"once"`
	Parts   uint64 `json:"parts"`
	Several uint64 `json:"several"`
	Outdone uint64 `json:"outdone"`
	Never   uint64 `json:"never"`
}

// FlowReport counts flow records.
type FlowReport struct {
	Labelled   uint64 `json:"labelled"`
	Unlabelled uint64 `json:"unlabelled"`
	Swapped    uint64 `json:"swapped"`   // of the labelled: their client is the row's destination
	Contested  uint64 `json:"contested"` // of the labelled: other rows would have matched, too
}

// WindowReport counts windows by what the rows that match them say; each is counted once.
type WindowReport struct {
	Labelled   uint64 `json:"labelled"`   // all rows that match agree
	Partial    uint64 `json:"partial"`    // they agree in some columns; the others are null
	Ambiguous  uint64 `json:"ambiguous"`  // they agree in no column: it has no label
	Unlabelled uint64 `json:"unlabelled"` // no row matches
}

// Fate is what became of a row.
type Fate uint8

// The fates of a row.
const (
	Never   Fate = iota // no record matched it
	Outdone             // records matched it, and each matched another row better
	Once                // one record has its label
	Parts               // several records of one flow, cut by the active timeout, have it
	Several             // records of different flows have it
)

// Report returns the counts so far.
func (j *Joiner) Report() Report {
	r := j.report
	if r.Windows != nil {
		w := *r.Windows
		r.Windows = &w
	}
	var by [Several + 1]uint64
	for _, o := range j.became {
		by[o.fate]++
	}
	r.Rows = RowReport{
		Total: uint64(len(j.became)), Once: by[Once], Parts: by[Parts], Several: by[Several], Outdone: by[Outdone], Never: by[Never],
	}
	return r
}

// Places returns where the rows of a fate stand, as FILE:LINE, in the order of the files: the first n of them.
func (j *Joiner) Places(fate Fate, n int) []string {
	var found []*row
	for i, o := range j.became {
		if o.fate == fate {
			found = append(found, &j.labels.rows[i])
		}
	}
	slices.SortFunc(found, func(r, s *row) int { return cmp.Or(cmp.Compare(r.file, s.file), cmp.Compare(r.line, s.line)) })
	var names []string
	for _, r := range found[:min(n, len(found))] {
		names = append(names, fmt.Sprintf("%s:%d", j.labels.Files[r.file].Name, r.line))
	}
	return names
}
