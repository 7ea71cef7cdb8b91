package sequence

import (
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
)

// Every is the length of a step.
const Every = 10 * time.Second

// dims is the length of a Vector.
const dims = 9

// Vector is what a host did in a step, in the order of FeatureNames.
type Vector [dims]float64

// FeatureNames returns what a model's features are. All are log2(1 + count) over the flow records of 10 s.
func FeatureNames() []string {
	return []string{
		"quiet_steps_before", "flows_as_client", "failed_as_client", "bytes_sent", "bytes_received",
		"flows_as_server", "failed_as_server", "peers", "server_ports_asked",
	}
}

// step is what a host did in the step at hand.
type step struct {
	asked, failed   uint32
	served, refused uint32
	sent, received  uint64
	peers, ports    sketch.Linear
	evidence        detect.Evidence
}

// vector returns the step as numbers.
func (s *step) vector(quiet int64) (v Vector) {
	for i, n := range [dims]float64{float64(quiet), float64(s.asked), float64(s.failed), float64(s.sent), float64(s.received),
		float64(s.served), float64(s.refused), float64(s.peers.Estimate()), float64(s.ports.Estimate())} {
		v[i] = math.Log2(1 + n)
	}
	return v
}

// steps gathers the step at hand of all hosts.
type steps struct {
	table    *detect.Table[detect.Host, hashed] // in the order of their first flows
	limit    int
	rejected uint64 // records of hosts beyond the table's room
}

// hashed is a step with its host's hash, seeded per process.
type hashed struct {
	step
	hash uint64
}

func newSteps(limit int) steps {
	return steps{table: detect.NewTable[detect.Host, hashed](limit), limit: limit}
}

// add counts a flow record for both of its hosts.
func (t *steps) add(f *detect.Flow) {
	first := f.First()
	failed := first && f.Failed()
	if s := t.host(f.ClientHost(), f.ClientHash); s != nil {
		if first {
			s.asked++
			s.peers.Add(sketch.Addr(0, f.Server))
			s.ports.Add(sketch.Hash(uint64(f.Proto), uint64(f.ServerPort)))
		}
		s.failed += one(failed)
		s.count(f, flowtable.Up)
	}
	if s := t.host(f.ServerHost(), f.ServerHash); s != nil {
		if first {
			s.served++
			s.peers.Add(sketch.Addr(0, f.Client))
		}
		s.refused += one(failed)
		s.count(f, flowtable.Down)
	}
}

// count adds the bytes, of which those of a direction were sent.
func (s *step) count(f *detect.Flow, sent int) {
	s.sent += f.Bytes[sent]
	s.received += f.Bytes[1-sent]
	s.evidence.Add(f.ID)
}

// host returns the step of a host, nil where there is no room for another.
func (t *steps) host(h detect.Host, hash uint64) *step {
	if s := t.table.Get(h, hash); s != nil {
		return &s.step
	}
	if t.table.Len() == t.limit {
		t.rejected++
		return nil
	}
	s, _ := t.table.Put(h, hash)
	s.hash = hash
	return &s.step
}

func one(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
