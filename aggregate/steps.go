package aggregate

import (
	"hash/maphash"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Steps sums flow records up by (client, server) and step, and has with each an X for what else its user wants to keep. One
// goroutine uses it. A full table hands a row on early, the one that was begun first.
type Steps[X any] struct {
	row         func(row Step, beside *X)
	seed        maphash.Seed
	step        int64 // length, ns
	expiry      int64 // a port that a pair did not use for so long is new again, ns
	clock       int64 // packet time of the latest record
	pairs       *detect.Table[PairKey, pair[X]]
	serverPorts *detect.Table[portKey, port]     // as long as they are known
	clientPorts *detect.Table[portKey, struct{}] // of this step
	start, end  int64                            // of the step; end none: no record came yet
}

// pair is an entry of the table. X comes first: at the end an empty one would take room.
type pair[X any] struct {
	beside X
	sums   StepSums
}

type portKey struct {
	client, server packet.Addr
	port           uint16
	proto, version uint8
}

// port says when a pair last used a port, ns, and has the hash of its key.
type port struct {
	at   int64
	hash uint64
}

// NewSteps returns tables of a valid configuration's sizes. Rows are handed to row; its pointer is good until it returns.
func NewSteps[X any](cfg Config, row func(row Step, beside *X)) *Steps[X] {
	s := &Steps[X]{row: row, seed: maphash.MakeSeed(), step: int64(cfg.Step), expiry: int64(cfg.Expiry), clock: none, end: none,
		pairs:       detect.NewTable[PairKey, pair[X]](cfg.MaxPairs),
		serverPorts: detect.NewTable[portKey, port](cfg.MaxPorts),
		clientPorts: detect.NewTable[portKey, struct{}](cfg.MaxPorts),
	}
	s.pairs.Forget = s.hand
	return s
}

func (s *Steps[X]) hand(key PairKey, e *pair[X]) {
	s.row(Step{key, e.sums, s.start, s.clock}, &e.beside)
}

// Counts returns the tables' counts; of pairs Evicted is how many rows were handed on early.
func (s *Steps[X]) Counts() (pairs, serverPorts, clientPorts detect.TableCount) {
	return s.pairs.Count("pairs"), s.serverPorts.Count("server ports"), s.clientPorts.Count("client ports")
}

// Reach says that packet time has come to at: a step that has ended by it is handed on, and another begins.
func (s *Steps[X]) Reach(at int64) {
	s.clock = max(s.clock, at)
	if s.clock >= s.end {
		s.End()
		s.start, s.end = around(s.clock, s.step)
	}
}

// Add adds a record of packet time at, which it reaches. It returns what is kept beside its row, until the next call.
func (s *Steps[X]) Add(r *flowtable.Record, at int64) *X {
	s.Reach(at)
	key := PairKey{r.Client, r.Server, r.Version}
	hash := maphash.Comparable(s.seed, key)
	e := s.pairs.Get(key, hash)
	if e == nil { // used once: the rows stay in the order of their first records
		e, _ = s.pairs.Put(key, hash)
	}
	e.sums.add(r)
	if hasPorts(r.Proto) {
		s.usePorts(&e.sums, r, hash)
	}
	return &e.beside
}

func (s *StepSums) add(r *flowtable.Record) {
	s.Flows++
	s.Bytes[flowtable.Up] += r.Bytes[flowtable.Up]
	s.Bytes[flowtable.Down] += r.Bytes[flowtable.Down]
	if r.Part != 0 {
		return
	}
	s.Connections++
	switch r.Proto {
	case packet.ProtoTCP:
		s.TCP++
	case packet.ProtoUDP:
		s.UDP++
	}
}

func (s *Steps[X]) usePorts(sums *StepSums, r *flowtable.Record, hash uint64) {
	key := portKey{r.Client, r.Server, r.ClientPort, r.Proto, r.Version}
	if _, fresh := s.clientPorts.Put(key, detect.Mix(hash, uint64(r.Proto)<<16|uint64(key.port))); fresh {
		sums.ClientPorts++
	}
	key.port = r.ServerPort
	hash = detect.Mix(hash, uint64(r.Proto)<<16|uint64(key.port))
	p, fresh := s.serverPorts.Put(key, hash)
	before := p.at
	*p = port{s.clock, hash}
	if !fresh && before >= s.start {
		return
	}
	sums.ServerPorts++
	if fresh || s.start-before >= s.expiry {
		sums.NewServerPorts++
	}
}

// End hands on the rows of the step, in the order of their first records, and forgets the ports that are new again. Nothing
// more of that step may come.
func (s *Steps[X]) End() {
	for key, e := range s.pairs.All() {
		s.hand(key, e)
	}
	s.pairs.Clear()
	s.clientPorts.Clear()
	for {
		key, p, ok := s.serverPorts.Oldest()
		if !ok || s.clock-p.at < s.expiry+s.step {
			return
		}
		s.serverPorts.Delete(key, p.hash)
	}
}
