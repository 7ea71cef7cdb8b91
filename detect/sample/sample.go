package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/weir-sensor/weir/detect"
)

// Flow says whose numbers a row has.
type Flow struct {
	ID             uint64
	Client, Server detect.Host
	ServerPort     uint16
	HasPorts       bool
	Proto          uint8
}

// Sample holds flows of a batch: all, or as many as there is room for, each with the same chance. One goroutine uses it.
type Sample struct {
	Flows []Flow
	Rows  []float64 // of each flow its numbers, one for each column
	Total uint64    // flows of the batch, also those that are not kept

	columns []column
	limit   int
	dropped uint64
	rng     *rand.PCG
	one     []float64 // scratch
}

// CheckColumns adds a problem with the key columns unless names are columns, each named once.
func CheckColumns(b *detect.Bounds, names []string) {
	want := "one or more, each once, of " + strings.Join(ColumnNames(), ", ")
	seen := map[string]bool{}
	for _, name := range names {
		if columnOf(name) == nil || seen[name] {
			b.Bad("columns", fmt.Sprintf("%q", name), want)
		}
		seen[name] = true
	}
	if len(names) == 0 {
		b.Bad("columns", "none", want)
	}
}

// New returns an empty sample of at most limit flows and these columns, which CheckColumns must accept.
func New(names []string, limit int) *Sample {
	s := &Sample{limit: limit, rng: rand.NewPCG(0, 0)}
	for _, name := range names {
		s.columns = append(s.columns, *columnOf(name))
	}
	return s
}

// Dims returns how many numbers a row has.
func (s *Sample) Dims() int { return len(s.columns) }

// Add adds a flow. Of too many each has the same chance to be kept (Vitter's algorithm R), by numbers that are the same in
// every run.
func (s *Sample) Add(f *detect.Flow) {
	s.Total++
	place := uint64(len(s.Flows))
	if place == uint64(s.limit) {
		s.dropped++
		if place = s.rng.Uint64() % s.Total; place >= uint64(s.limit) {
			return
		}
	} else {
		s.Flows = append(s.Flows, Flow{})
		for range s.columns {
			s.Rows = append(s.Rows, 0)
		}
	}
	s.Flows[place] = Flow{f.ID, f.ClientHost(), f.ServerHost(), f.ServerPort, f.HasPorts(), f.Proto}
	row := s.Rows[int(place)*len(s.columns):]
	for k := range s.columns {
		row[k] = s.columns[k].value(f)
	}
}

// Reset begins another batch. Which flows it will keep depends on seed.
func (s *Sample) Reset(seed uint64) {
	s.Flows, s.Rows, s.Total = s.Flows[:0], s.Rows[:0], 0
	s.rng.Seed(seed, 0)
}

// Count returns the sample's counts.
func (s *Sample) Count() detect.TableCount {
	return detect.TableCount{Name: "flows", Entries: len(s.Flows), Cap: s.limit, Rejected: s.dropped}
}

// Status says whether flows are missing.
func (s *Sample) Status() detect.Status {
	if s.Total > uint64(len(s.Flows)) {
		return detect.Degraded
	}
	return detect.OK
}

// Logs replaces each number of rows, which must have the sample's columns, by log(1+x), but for those that are logarithms.
func (s *Sample) Logs(rows []float64) {
	for i := range rows {
		if !s.columns[i%len(s.columns)].ratio {
			rows[i] = math.Log1p(rows[i])
		}
	}
}

// Alert returns an alert of no kind about a flow. Its reasons are the flow's numbers, the baselines their medians.
func (s *Sample) Alert(flow int) detect.Alert {
	f := &s.Flows[flow]
	a := detect.Alert{Severity: detect.Informational, P: math.NaN(), Probability: math.NaN(), N: uint64(len(s.Flows)), Subject: f.Client,
		Role: detect.Client, Client: f.Client, Server: f.Server, ServerPort: f.ServerPort, HasPort: f.HasPorts, Proto: f.Proto, FlowID: f.ID}
	a.Evidence.Add(f.ID)
	for k := range s.columns {
		s.one = s.one[:0]
		for i := k; i < len(s.Rows); i += len(s.columns) {
			s.one = append(s.one, s.Rows[i])
		}
		a.Reasons = append(a.Reasons, detect.Reason{Feature: s.columns[k].name, Value: s.Rows[flow*len(s.columns)+k],
			Threshold: math.NaN(), Baseline: detect.Quantile(s.one, 0.5)})
	}
	return a
}
