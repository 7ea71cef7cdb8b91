package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect"
)

// Flow says whose numbers a row has.
type Flow struct {
	ID             uint64 // 0: of an aggregate
	Client, Server detect.Host
	ServerPort     uint16
	HasPorts       bool  // all flows have this port
	Proto          uint8 // 0: several
}

// Sample holds flows of a batch, or aggregates of them: all, or as many as there is room for, each with the same chance. One
// goroutine uses it.
type Sample struct {
	Flows []Flow
	Rows  []float64 // of each flow its numbers, one for each column
	Total uint64    // flows of the batch, also those that are not kept

	names   []string
	values  []func(f *detect.Flow) float64 // of the columns, where rows are flows
	sums    *sums                          // nil: rows are flows
	limit   int
	dropped uint64
	rng     *rand.PCG
	one     []float64 // scratch
}

// CheckColumns adds a problem with the key rows or columns unless rows are what rows can be, and names columns of theirs,
// each named once.
func CheckColumns(b *detect.Bounds, rows string, names []string) {
	known := ColumnNames(rows)
	if len(known) == 0 {
		b.Bad("rows", rows, "flows, tuples or pairs")
		return
	}
	want := "one or more, each once, of " + strings.Join(known, ", ")
	if rows != ByFlow {
		want += ", which are those of " + rows
	}
	seen := map[string]bool{}
	for _, name := range names {
		if !slices.Contains(known, name) || seen[name] {
			b.Bad("columns", fmt.Sprintf("%q", name), want)
		}
		seen[name] = true
	}
	if len(names) == 0 {
		b.Bad("columns", "none", want)
	}
}

// New returns an empty sample of at most limit rows that stand for that and have these columns, which CheckColumns must accept.
func New(rows string, names []string, limit int) *Sample {
	s := &Sample{names: names, limit: limit, rng: rand.NewPCG(0, 0)}
	if rows != ByFlow {
		s.sums = newSums(s, rows)
		return s
	}
	for _, name := range names {
		i := slices.IndexFunc(columns(), func(c column) bool { return c.name == name })
		s.values = append(s.values, columns()[i].value)
	}
	return s
}

// Dims returns how many numbers a row has.
func (s *Sample) Dims() int { return len(s.names) }

// Add adds a flow.
func (s *Sample) Add(f *detect.Flow) {
	if s.sums != nil {
		s.sums.add(f)
		return
	}
	place, ok := s.place()
	if !ok {
		return
	}
	s.Flows[place] = Flow{f.ID, f.ClientHost(), f.ServerHost(), f.ServerPort, f.HasPorts(), f.Proto}
	row := s.Rows[place*len(s.names):]
	for k, value := range s.values {
		row[k] = value(f)
	}
}

// place returns where another row belongs; ok is false where it is not kept. Of too many each has the same chance to be kept
// (Vitter's algorithm R), by numbers that are the same in every run.
func (s *Sample) place() (place int, ok bool) {
	s.Total++
	if len(s.Flows) == s.limit {
		s.dropped++
		at := s.rng.Uint64() % s.Total
		return int(at), at < uint64(s.limit)
	}
	s.Flows = append(s.Flows, Flow{})
	for range s.names {
		s.Rows = append(s.Rows, 0)
	}
	return len(s.Flows) - 1, true
}

// End says that no more flows of the batch come: aggregates of it are rows only then.
func (s *Sample) End() {
	if s.sums != nil {
		s.sums.end()
	}
}

// Reset begins another batch. Which flows it will keep depends on seed.
func (s *Sample) Reset(seed uint64) {
	s.Flows, s.Rows, s.Total = s.Flows[:0], s.Rows[:0], 0
	s.rng.Seed(seed, 0)
	if s.sums != nil {
		s.sums.reset()
	}
}

// Counts returns the counts of the sample, and of the tables of what is summed up for it.
func (s *Sample) Counts() []detect.TableCount {
	counts := []detect.TableCount{{Name: "flows", Entries: len(s.Flows), Cap: s.limit, Rejected: s.dropped}}
	if s.sums != nil {
		counts[0].Name = "rows"
		counts = append(counts, s.sums.counts()...)
	}
	return counts
}

// Status says whether flows are missing, or aggregates are split.
func (s *Sample) Status() detect.Status {
	if s.Total > uint64(len(s.Flows)) || s.sums != nil && s.sums.split() {
		return detect.Degraded
	}
	return detect.OK
}

// Logs replaces each number of rows, which must have the sample's columns, by log(1+x), but for those that are logarithms.
func (s *Sample) Logs(rows []float64) {
	x, log := 0.0, 0.0 // the last one: equal numbers often follow each other
	for i := range rows {
		if s.names[i%len(s.names)] == upDownRatio {
			continue
		}
		if rows[i] != x {
			x, log = rows[i], math.Log1p(rows[i])
		}
		rows[i] = log
	}
}

// Words returns what to call a row, and several.
func (s *Sample) Words() (row, rows string) {
	switch {
	case s.sums == nil:
		return "a flow", "flows"
	case s.sums.tuples != nil:
		return "a 5-tuple", "5-tuples"
	}
	return "a pair's step of 10 s", "steps of pairs"
}

// Alert returns an alert of no kind about a row. Its reasons are the flow's numbers, the baselines their medians.
func (s *Sample) Alert(flow int) detect.Alert {
	f := &s.Flows[flow]
	a := detect.Alert{Severity: detect.Informational, P: math.NaN(), Probability: math.NaN(), N: uint64(len(s.Flows)), Subject: f.Client,
		Role: detect.Client, Client: f.Client, Server: f.Server, ServerPort: f.ServerPort, HasPort: f.HasPorts, Proto: f.Proto, FlowID: f.ID}
	if s.sums != nil {
		a.Evidence = s.sums.evidence[flow]
	} else {
		a.Evidence.Add(f.ID)
	}
	for k, name := range s.names {
		s.one = s.one[:0]
		for i := k; i < len(s.Rows); i += len(s.names) {
			s.one = append(s.one, s.Rows[i])
		}
		a.Reasons = append(a.Reasons, detect.Reason{Feature: name, Value: s.Rows[flow*len(s.names)+k],
			Threshold: math.NaN(), Baseline: detect.Quantile(s.one, 0.5)})
	}
	return a
}
