package pairs

import (
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// pair is what happened between two hosts in a batch, as far as every flow has to do with it: one cache line.
type pair struct {
	client, server packet.Addr
	up, down       uint64 // bytes
	records        uint32
	flows          uint32
	use            uint32 // place in the log of the first port that is there, if there is one
	version        uint8
}

// tally is what else is known of a pair.
type tally struct {
	first      uint64 // flow
	more       uint32 // place of the other flows, where there are some
	client     uint32 // hash
	next       uint32 // when the batch is closed, the client's next pair, from 1
	ports      uint32 // distinct ones of the server
	newPorts   uint32
	newOther   uint32 // protocols without ports that are new
	unanswered uint32 // of newPorts and newOther, those whose first flow had no answer
}

// open is the pairs of a batch, in the order of their first flows: so many at most.
type open struct {
	pairs   []pair
	tallies []tally
	flows   [][detect.MaxEvidence - 1]uint64 // of pairs with several the second and further ones
	index   index
	cap     int
	warmth  uint32 // so that reads ahead are not left out
}

func pairHash(f *detect.Flow) uint32 { return fold(detect.Mix(f.PairHash, f.ClientHash)) }

// warm reads the pairs that find will look at first, see knownPorts.warm.
func (o *open) warm(flows []detect.Flow) {
	if len(o.pairs) == 0 {
		return
	}
	for part := range slices.Chunk(flows, warmed) {
		var first [warmed]uint32
		for i := range part {
			first[i] = max(o.index.slots[o.index.home(pairHash(&part[i]))].entry, 1) - 1
		}
		for _, i := range first[:len(part)] {
			o.warmth += o.pairs[i].flows
		}
	}
}

// find returns the place of the flow's pair, which may be a new one; -1: there is no room for it.
func (o *open) find(f *detect.Flow) int {
	hash := pairHash(f)
	for at, i := o.index.seek(hash, o.index.home(hash)); i >= 0; at, i = o.index.seek(hash, at+1) {
		if p := &o.pairs[i]; p.server == f.Server && p.client == f.Client && p.version == f.Version {
			return i
		}
	}
	n := len(o.pairs)
	if n == o.cap {
		return -1
	}
	o.index.add(hash, n)
	o.pairs = append(o.pairs, pair{client: f.Client, server: f.Server, version: f.Version})
	o.tallies = append(o.tallies, tally{first: f.ID, client: fold(f.ClientHash)})
	return n
}

// cite adds a flow to the i-th pair's evidence.
func (o *open) cite(i int, id uint64) {
	p := &o.pairs[i]
	p.records++
	if p.records == 1 || p.records > detect.MaxEvidence {
		return
	}
	t := &o.tallies[i]
	if p.records == 2 {
		t.more = uint32(len(o.flows))
		o.flows = append(o.flows, [detect.MaxEvidence - 1]uint64{})
	}
	o.flows[t.more][p.records-2] = id
}

// evidence returns the i-th pair's flows.
func (o *open) evidence(i int) (e detect.Evidence) {
	t, n := &o.tallies[i], o.pairs[i].records
	e.Add(t.first)
	for k := range min(n, detect.MaxEvidence) - 1 {
		e.Add(o.flows[t.more][k])
	}
	e.Total = uint64(n)
	return e
}

func (o *open) clear() {
	o.pairs, o.tallies, o.flows = o.pairs[:0], o.tallies[:0], o.flows[:0]
	o.index.clear()
}
