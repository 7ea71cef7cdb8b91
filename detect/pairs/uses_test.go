package pairs

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// lru is what is known of ports where each flow is looked up at once, that not used for longest first.
type lru struct {
	ports   []lruPort
	evicted uint64
}

type lruPort struct {
	client, server packet.Addr
	port           uint16
	proto          uint8
	at             int64
}

// use returns the tally with a flow of a port.
func (l *lru) use(t tally, now lruPort, limit int, start int64, expiry time.Duration, failed bool) tally {
	i := slices.IndexFunc(l.ports, func(p lruPort) bool { p.at = now.at; return p == now })
	before, known := int64(0), i >= 0
	if known {
		before = l.ports[i].at
		l.ports = slices.Delete(l.ports, i, i+1)
	} else if len(l.ports) == limit {
		l.ports, l.evicted = l.ports[1:], l.evicted+1
	}
	l.ports = append(l.ports, now)
	if known && before >= start {
		return t
	}
	isNew := !known || start-before >= int64(expiry)
	switch {
	case now.proto != packet.ProtoICMP:
		t.ports++
		if isNew {
			t.newPorts++
		}
	case isNew:
		t.newOther++
	}
	if isNew && failed {
		t.unanswered++
	}
	return t
}

// Whenever the log is folded, the counts, and what is remembered in which order, are those of looking up each flow at once,
// also where there is room for few ports.
func TestLogIsLookingUpAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for round := range 200 {
		cfg := DefaultConfig()
		cfg.Expiry, cfg.MaxPorts = 30*time.Second, []int{1, 2, 7, 30, 100, 1000}[round%6]
		d, model := New(cfg), lru{}
		d.log.limit = 1 + rng.IntN(min(cfg.MaxPorts, 50))
		at := int64(hour)
		for range 12 {
			start := at - at%int64(every)
			want := map[[2]packet.Addr]tally{}
			for range rng.IntN(120) {
				at = min(at+rng.Int64N(2e8), start+int64(every)-1)
				r := flow{time.Duration(at), rng.IntN(3), 10 + rng.IntN(3), 80 + rng.IntN(1+round%20), 1, 1, rng.IntN(2) == 0}.record(1)
				key := lruPort{r.Client, r.Server, r.ServerPort, r.Proto, at}
				if rng.IntN(5) == 0 {
					r.Proto, r.State = packet.ProtoICMP, flowtable.New
					key.proto, key.port = packet.ProtoICMP, 0
				}
				f := detect.Flow{Record: &r, Time: at, PairHash: detect.Mix(r.Client.Lo, r.Server.Lo)}
				d.add(&f)
				pair := [2]packet.Addr{r.Client, r.Server}
				want[pair] = model.use(want[pair], key, cfg.MaxPorts, start, cfg.Expiry, f.Failed() || !f.Answered())
			}
			d.fold()
			for i, p := range d.pairs {
				got := d.tallies[i]
				if got := (tally{ports: got.ports, newPorts: got.newPorts, newOther: got.newOther, unanswered: got.unanswered}); got != want[[2]packet.Addr{p.client, p.server}] {
					t.Fatalf("round %d: got %+v, want %+v", round, got, want[[2]packet.Addr{p.client, p.server}])
				}
			}
			end := start + int64(every)
			d.CloseBatch(detect.Batch{Start: start, End: end, Every: every}, detecttest.Nowhere{})
			model.ports = slices.DeleteFunc(model.ports, func(p lruPort) bool { return end-p.at >= int64(cfg.Expiry) })
			checkKnown(t, &d.known, &model)
			at = end + rng.Int64N(2)*rng.Int64N(4e10)
		}
	}
}

func checkKnown(t *testing.T, k *knownPorts, want *lru) {
	t.Helper()
	var got []lruPort
	for i := k.oldest; i != 0; i = k.at(int(i) - 1).newer {
		p := k.at(int(i) - 1)
		got = append(got, lruPort{p.client, p.server, p.port, p.proto, p.at})
	}
	if !slices.Equal(got, want.ports) || k.evicted != want.evicted || k.len != len(got) || k.index.len != len(got) {
		t.Fatalf("got %+v, want %+v; evicted %d, want %d", got, want.ports, k.evicted, want.evicted)
	}
}

// Quantiles by rank are those of detect.Quantile, to the last bit.
func TestQuantilesByRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		var values []uint64
		var floats []float64
		for range 1 + rng.IntN(300) {
			x := rng.Uint64() >> rng.IntN(64)
			if rng.IntN(3) == 0 {
				x = 40 + rng.Uint64N(3)
			}
			values, floats = append(values, x), append(floats, log1p(x))
		}
		share := float64(rng.IntN(101)) / 100
		if got, want := new(ranks).of(values, log1p).quantile(share), detect.Quantile(floats, share); got != want {
			t.Fatalf("%v of %v: got %v, want %v", share, values, got, want)
		}
	}
}
