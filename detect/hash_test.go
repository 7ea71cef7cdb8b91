package detect

import (
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Whoever writes packets chooses both addresses. Pairs of hosts with themselves, and pairs both ways round, have hashes of
// their own, or tables of pairs would look at each of them for each of them.
func TestPairsHaveHashesOfTheirOwn(t *testing.T) {
	e := NewEngine(DefaultConfig(), nil, nil)
	of := func(client, server uint64) uint32 {
		r := flowtable.Record{Version: 4, Client: packet.Addr{Lo: client}, Server: packet.Addr{Lo: server}}
		var f Flow
		e.complete(&f, &r)
		return fold(f.PairHash)
	}
	seen, n := map[uint32]bool{}, 0
	for i := range uint64(20_000) {
		for _, h := range []uint32{of(i, i), of(i, i+1), of(i+1, i), of(i, i^0xffff), of(7, i), of(i, 7)} {
			seen[h] = true
			n++
		}
	}
	// Of 32 random bits two of these are the same about twice, and of the pairs with 7 some are named twice.
	if len(seen) < n-100 {
		t.Errorf("%d pairs have %d hashes", n, len(seen))
	}
}
