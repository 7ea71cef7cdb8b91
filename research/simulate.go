package research

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/learn"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	simulatedSegment = 1448 // bytes of a full segment
	simulatedAgain   = 50   // one segment in 51 is there twice
	simulatedLeast   = 5    // packets with payload of a flow: with fewer, nothing is judged
	simulatedJudged  = 2000 // flows that are not fitted to, but count for the threshold
)

// besideSimulated returns what fits trees to rows of how flows begin and to simulated ones, and adds to them what is known of
// random bytes. There are more rows than without, and so more and larger trees.
func (f Fitting) besideSimulated() fitting {
	c := learn.DefaultTrees()
	c.Most, c.Depth, c.Rate, c.MinLeaf, c.Validation, c.Columns, c.Seed = 120, 4, .15, 10, 0, .4, f.Seed
	positive, negative := simulatedRows(SimulatedTransports(f.Simulated, f.Seed), true), simulatedRows(SimulatedMSE(f.Simulated, f.Seed), false)
	return func(rows *learn.Rows) (*learn.Model, error) {
		m, err := c.Fit(&learn.Rows{Columns: rows.Columns, X: slices.Concat(rows.X, positive.X, negative.X),
			Positive: slices.Concat(rows.Positive, positive.Positive, negative.Positive)})
		if err != nil {
			return nil, err
		}
		return m, transport.Restrict(m)
	}
}

// simulatedRows returns the rows of flows, as a model is shown them.
func simulatedRows(records []flowtable.Record, positive bool) *learn.Rows {
	rows := &learn.Rows{Columns: transport.Columns(transport.Contract(transport.StartSet, features.DefaultConfig()))}
	for i := range records {
		rows.X = transport.AppendStart(rows.X, &records[i], transport.StartPackets)
		rows.Positive = append(rows.Positive, positive)
	}
	return transport.Blank(rows, transport.Passing())
}

// simulation draws flows of random bytes.
type simulation struct {
	r     *rand.Rand
	meter *payload.Meter
	to    *flowtable.Features // of the flow at hand
}

// records returns so many flows, each drawn by flow, that can be judged.
func (s *simulation) records(n int, flow func()) []flowtable.Record {
	records := make([]flowtable.Record, 0, n)
	for len(records) < n {
		s.to = &flowtable.Features{}
		if flow(); s.to.SPLT >= simulatedLeast {
			records = append(records, flowtable.Record{Proto: packet.ProtoTCP, RTT: -1, Features: s.to})
		}
	}
	return records
}

// send sends so many random bytes as segments, up where side is 1, down where it is -1.
func (s *simulation) send(side, bytes int) {
	for ; bytes > 0 && s.to.SPLT < flowtable.SPLTPackets; bytes -= simulatedSegment {
		n := min(bytes, simulatedSegment)
		first := &s.to.Packet[(1-side)/2] // flowtable.Up, Down
		if first.Length == 0 {
			*first = s.meter.Packet(s.random(n), n, false)
		}
		for range 1 + s.r.IntN(simulatedAgain+1)/simulatedAgain { // some are lost on the way, and come again
			if s.to.SPLT < flowtable.SPLTPackets {
				s.to.Sizes[s.to.SPLT] = int32(side * n)
				s.to.SPLT++
			}
		}
	}
}

func (s *simulation) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.r.Uint32())
	}
	return b
}

func (s *simulation) likely(p float64) bool { return s.r.Float64() < p }
func (s *simulation) between(a, b int) int  { return a + s.r.IntN(b-a+1) }

// log draws a number whose logarithm is uniform.
func (s *simulation) log(least, most int) int {
	return int(float64(least) * math.Pow(float64(most)/float64(least), s.r.Float64()))
}
