package sensor

// maxWaiting is how many records of a live run may wait for those of a shard that is behind: what half a second brings,
// for which a shard without packets is behind, when half a million flows end in each.
const maxWaiting = 1 << 18

// handOvers is how many results of a shard may be on their way to the merger.
const handOvers = 2

// turns lets shards hand results to the merger, which uses it. While too many records wait for those of the shard that is
// behind all others, it alone gets its turns back. The others wait, and their sources lose what they have no room for. It
// needs nothing of them, so it catches up.
type turns struct {
	shards []*shard
	owed   []int // by shard: turns that it has not got back
	limit  int   // records that may wait; 0: any number
}

// took notes that a shard has used a turn. One that has ended needs no other.
func (t *turns) took(r *result) {
	if !r.flows.last || !r.windows.last {
		t.owed[r.shard.id]++
	}
}

// give gives turns back, where so many records wait for those of the shard that is behind.
func (t *turns) give(waiting, behind int) {
	for i, s := range t.shards {
		if t.limit > 0 && waiting > t.limit && i != behind {
			continue
		}
		for ; t.owed[i] > 0; t.owed[i]-- {
			s.turns <- struct{}{}
		}
	}
}
