package aggregate

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Tuples sums flow records up by 5-tuple, and has with each an X for what else its user wants to keep. One goroutine uses
// it. A full table hands its least recently used row on early.
type Tuples[X any] struct {
	row    func(row Tuple, beside *X)
	seed   maphash.Seed
	table  *detect.Table[TupleKey, tuple[X]]
	places uint64
}

// tuple is an entry of the table. X comes first: at the end an empty one would take room.
type tuple[X any] struct {
	beside X
	sums   TupleSums
}

// NewTuples returns a table for at most limit rows, which are handed to row; its pointer is good until it returns.
func NewTuples[X any](limit int, row func(row Tuple, beside *X)) *Tuples[X] {
	t := &Tuples[X]{row: row, seed: maphash.MakeSeed(), table: detect.NewTable[TupleKey, tuple[X]](limit)}
	t.table.Forget = t.hand
	return t
}

func (t *Tuples[X]) hand(key TupleKey, e *tuple[X]) {
	t.row(Tuple{TupleKey: key, TupleSums: e.sums}, &e.beside)
}

// Count returns the table's counts; Evicted is how many rows were handed on early.
func (t *Tuples[X]) Count() detect.TableCount { return t.table.Count("tuples") }

// Add adds a record, and returns what is kept beside its row, until the next call.
func (t *Tuples[X]) Add(r *flowtable.Record) *X {
	key := TupleKey{Client: r.Client, Server: r.Server, Proto: r.Proto, Version: r.Version}
	if hasPorts(r.Proto) || r.Proto == packet.ProtoICMP || r.Proto == packet.ProtoICMPv6 { // its types and codes, as in the record
		key.ClientPort, key.ServerPort = r.ClientPort, r.ServerPort
	}
	e, fresh := t.table.Put(key, maphash.Comparable(t.seed, key))
	if fresh {
		e.sums = TupleSums{First: r.Start, Last: r.End, FirstState: r.State, place: t.places}
		t.places++
	}
	e.sums.add(r)
	return &e.beside
}

func (s *TupleSums) add(r *flowtable.Record) {
	s.Entries++
	s.First, s.Last = min(s.First, r.Start), max(s.Last, r.End)
	s.Time += r.End - r.Start
	s.Bytes[flowtable.Up] += r.Bytes[flowtable.Up]
	s.Bytes[flowtable.Down] += r.Bytes[flowtable.Down]
	s.States[r.State]++
	s.LastState = r.State
}

func hasPorts(proto uint8) bool {
	return proto == packet.ProtoTCP || proto == packet.ProtoUDP || proto == packet.ProtoSCTP
}

// End hands all rows on, in the order of their first records.
func (t *Tuples[X]) End() {
	type entry struct {
		key TupleKey
		*tuple[X]
	}
	all := make([]entry, 0, t.table.Len())
	for key, e := range t.table.All() {
		all = append(all, entry{key, e})
	}
	slices.SortFunc(all, func(x, y entry) int { return cmp.Compare(x.sums.place, y.sums.place) })
	for _, e := range all {
		t.hand(e.key, e.tuple)
	}
	t.table.Clear()
}
