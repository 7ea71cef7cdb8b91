package sample

import (
	"slices"
	"time"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/detect"
)

// Step is what a row of pairs is about: batches must be a number of whole ones.
const Step = 10 * time.Second

// portsPerPair is how many ports are remembered for each pair that there is room for.
const portsPerPair = 4

// sums is what flows are summed up in before they are rows of a sample: one of two tables, which hold as many aggregates as
// the sample. A full one hands an aggregate on early; what comes later of it is another row.
type sums struct {
	to       *Sample
	tuples   *aggregate.Tuples[group]
	steps    *aggregate.Steps[group] // where tuples is nil
	columns  []int                   // of each column of the sample the place among an aggregate's numbers
	evidence []detect.Evidence       // of each row of the sample
	evicted  uint64                  // of the tables, in batches before
	numbers  []float64               // scratch
}

// group is what is kept beside the sums of an aggregate.
type group struct {
	flow     Flow
	evidence detect.Evidence
}

func newSums(to *Sample, rows string) *sums {
	s := &sums{to: to}
	known := ColumnNames(rows)
	for _, name := range to.names {
		s.columns = append(s.columns, slices.Index(known, name))
	}
	if rows == ByTuple {
		s.tuples = aggregate.NewTuples(to.limit, func(t aggregate.Tuple, g *group) { s.row(t.Numbers(s.numbers[:0]), t.Bytes, g) })
		return s
	}
	cfg := aggregate.DefaultConfig()
	cfg.Step, cfg.MaxPairs, cfg.MaxPorts = Step, to.limit, portsPerPair*to.limit
	s.steps = aggregate.NewSteps(cfg, func(t aggregate.Step, g *group) { s.row(t.Numbers(s.numbers[:0]), t.Bytes, g) })
	return s
}

func (s *sums) add(f *detect.Flow) {
	var g *group
	if s.tuples != nil {
		g = s.tuples.Add(f.Record)
	} else {
		g = s.steps.Add(f.Record, f.Time)
	}
	if g.evidence.Total == 0 {
		g.flow = Flow{0, f.ClientHost(), f.ServerHost(), f.ServerPort, f.HasPorts(), f.Proto}
	}
	if g.flow.Proto != f.Proto {
		g.flow.Proto, g.flow.HasPorts = 0, false
	}
	g.flow.HasPorts = g.flow.HasPorts && g.flow.ServerPort == f.ServerPort
	g.evidence.Add(f.ID)
}

// row takes an aggregate's numbers into the sample.
func (s *sums) row(numbers []float64, bytes [2]uint64, g *group) {
	s.numbers = append(numbers, float64(bytes[up]+bytes[down]), ratio(bytes))
	place, ok := s.to.place()
	if !ok {
		return
	}
	if place == len(s.evidence) {
		s.evidence = append(s.evidence, detect.Evidence{})
	}
	s.to.Flows[place], s.evidence[place] = g.flow, g.evidence
	row := s.to.Rows[place*len(s.columns):]
	for k, i := range s.columns {
		row[k] = s.numbers[i]
	}
}

func (s *sums) end() {
	if s.tuples != nil {
		s.tuples.End()
	} else {
		s.steps.End()
	}
}

// reset forgets the rows, of which the sample has none any more.
func (s *sums) reset() { s.evidence, s.evicted = s.evidence[:0], s.forgotten() }

func (s *sums) counts() []detect.TableCount {
	if s.tuples != nil {
		return []detect.TableCount{s.tuples.Count()}
	}
	pairs, serverPorts, clientPorts := s.steps.Counts()
	return []detect.TableCount{pairs, serverPorts, clientPorts}
}

// forgotten returns how many aggregates were handed on early, and ports counted again, since the start.
func (s *sums) forgotten() (n uint64) {
	for _, c := range s.counts() {
		n += c.Evicted
	}
	return n
}

// split says whether that happened in this batch.
func (s *sums) split() bool { return s.forgotten() != s.evicted }
