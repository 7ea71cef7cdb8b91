package build

import (
	"cmp"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

const up, down = flowtable.Up, flowtable.Down

// volume sums flow records up. The sums stop at the largest number there is.
type volume struct {
	flows       uint64 // records that are no later parts of long flows
	records     uint64
	packets     uint64
	bytes       [2]uint64 // up and down, or out and in, or sent and received
	first, last int64     // starts of the earliest and latest record, ns since the Unix epoch
}

// add adds a record; turned swaps its directions.
func (v *volume) add(r *flowtable.Record, turned bool) {
	one := volume{records: 1, packets: plus(r.Packets[up], r.Packets[down]), bytes: r.Bytes, first: r.Start, last: r.Start}
	if r.Part == 0 {
		one.flows = 1
	}
	if turned {
		one.bytes[up], one.bytes[down] = one.bytes[down], one.bytes[up]
	}
	v.merge(&one)
}

// merge adds another sum.
func (v *volume) merge(o *volume) {
	if o.records == 0 {
		return
	}
	if v.records == 0 {
		v.first, v.last = o.first, o.last
	}
	v.first, v.last = min(v.first, o.first), max(v.last, o.last)
	v.flows, v.records, v.packets = plus(v.flows, o.flows), plus(v.records, o.records), plus(v.packets, o.packets)
	v.bytes[up], v.bytes[down] = plus(v.bytes[up], o.bytes[up]), plus(v.bytes[down], o.bytes[down])
}

// total is the bytes of both directions.
func (v *volume) total() uint64 { return plus(v.bytes[up], v.bytes[down]) }

func plus(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// tally sums records up by a key. Where it is full, the half of the keys with the least bytes is summed up together, as
// others; a key of these that comes again begins anew.
type tally[K comparable] struct {
	rows    map[K]*volume
	limit   int
	compare func(a, b K) int // total order, for keys of equal bytes
	others  volume
	dropped uint64 // keys in others
}

func newTally[K comparable](limit int, compare func(a, b K) int) *tally[K] {
	return &tally[K]{rows: map[K]*volume{}, limit: limit, compare: compare}
}

// at returns the sum of a key.
func (t *tally[K]) at(key K) *volume {
	v := t.rows[key]
	if v == nil {
		if len(t.rows) >= t.limit {
			t.shrink()
		}
		v = &volume{}
		t.rows[key] = v
	}
	return v
}

// shrink drops the half of the keys with the least bytes; of those with as many as the middle one has, the last ones.
func (t *tally[K]) shrink() {
	totals := make([]float64, 0, len(t.rows))
	for _, v := range t.rows {
		totals = append(totals, float64(v.total()))
	}
	middle := detect.Quantile(totals, 0.5)
	var equal []K
	kept := len(t.rows)
	for k, v := range t.rows {
		switch total := float64(v.total()); {
		case total < middle:
			t.drop(k, v)
			kept--
		case total == middle:
			equal = append(equal, k)
		}
	}
	if more := kept - t.limit/2; more > 0 {
		slices.SortFunc(equal, t.compare)
		for _, k := range equal[max(0, len(equal)-more):] {
			t.drop(k, t.rows[k])
		}
	}
}

func (t *tally[K]) drop(k K, v *volume) {
	t.others.merge(v)
	t.dropped++
	delete(t.rows, k)
}

// entry is a key with its sum.
type entry[K comparable] struct {
	key K
	sum uint64
	*volume
}

// sorted returns all keys, those with the most bytes first, then those with the most records, then in their order.
func (t *tally[K]) sorted() []entry[K] {
	all := make([]entry[K], 0, len(t.rows))
	for k, v := range t.rows {
		all = append(all, entry[K]{k, v.total(), v})
	}
	slices.SortFunc(all, func(a, b entry[K]) int {
		if a.sum != b.sum {
			return cmp.Compare(b.sum, a.sum)
		}
		return cmp.Or(cmp.Compare(b.records, a.records), t.compare(a.key, b.key))
	})
	return all
}
