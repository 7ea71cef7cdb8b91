package features

import (
	"math"
	"math/rand"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/packet"
)

// lru is a plain list of hosts that talked to host 0, the longest idle first.
type lru struct {
	limit   int
	order   []int
	packets map[int]int // in the open window
	evicted int
	dropped int
}

func (l *lru) add(h, window int) {
	if i := slices.Index(l.order, h); i >= 0 {
		l.order = slices.Delete(l.order, i, i+1)
	} else if len(l.order) == l.limit {
		if l.packets[l.order[0]] > 0 {
			l.dropped++
		}
		delete(l.packets, l.order[0])
		l.order = l.order[1:]
		l.evicted++
	}
	l.order = append(l.order, h)
	if l.packets[h]++; l.packets[h] == window {
		l.packets[h] = 0
	}
}

// At the cap, the pair idle for longest goes, its window with it, and all of it is counted.
func TestTheLongestIdlePairGoesFirst(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	const limit, window = 20, 3
	plain := lru{limit: limit, packets: map[int]int{}}
	l := newLine(func(c *Config) { c.MaxPairs, c.Packets = limit, window })
	for i := range 5000 {
		h := 1 + int(math.Abs(rng.NormFloat64())*12)
		plain.add(h, window)
		l.add(tcp(0, h, uint32(i), packet.ACK, 0), base+int64(i))
		if l.Pairs() > limit || l.Open() > l.Pairs() {
			t.Fatalf("%d pairs, %d windows", l.Pairs(), l.Open())
		}
		if rng.Intn(30) == 0 {
			l.out = l.Advance(l.clock, l.out)
		}
	}
	open := 0
	for _, n := range plain.packets {
		if n > 0 {
			open++
		}
	}
	c := l.Counters()
	if c.PairsEvicted != uint64(plain.evicted) || c.Dropped[Evicted] != uint64(plain.dropped) || l.Open() != open ||
		c.Opened != c.Written+c.Dropped[Evicted]+uint64(open) {
		t.Errorf("got %+v, %d open, want %d evicted, %d windows dropped, %d open", c, l.Open(), plain.evicted, plain.dropped, open)
	}
}

// A window with cut time that was due is written even where its pair must go before it was looked at.
func TestAnEndedWindowIsWrittenThoughItsPairIsEvicted(t *testing.T) {
	l := newLine(func(c *Config) { c.MaxPairs, c.Cut, c.Segment = 10, CutTime, time.Second })
	for i := range 10 {
		l.add(tcp(0, 1+i, 1, packet.ACK, 0), base)
	}
	for i := range 10 {
		l.add(tcp(0, 101+i, 1, packet.ACK, 0), base+second)
	}
	out := l.end()
	if c := l.Counters(); len(out) != 20 || c.PairsEvicted != 10 || c.Dropped[Evicted] != 0 || !slices.IsSortedFunc(out, inOrder) {
		t.Errorf("got %d windows, %+v", len(out), c)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestHundredThousandWindowsFitIn150MiB(t *testing.T) {
	const pairs = 100_000
	before := heap()
	w := New(DefaultConfig(), Network{MTU: 1500}, 1, [4]uint64{1, 2, 3, 4})
	payload := make([]byte, 100)
	n := uint64(0)
	for range 3 {
		for i := range pairs {
			p := tcp(0, 0, uint32(n), packet.ACK, 100)
			p.Dst = packet.AddrFrom4([]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			addOne(w, &p, base, base, n, payload)
			n++
		}
	}
	used := heap() - before
	t.Logf("%d open windows: %.1f MiB, %.0f bytes each", w.Open(), float64(used)/(1<<20), float64(used)/pairs)
	if w.Open() != pairs || used > 150<<20 {
		t.Errorf("got %d bytes for %d windows, want at most 150 MiB for %d", used, w.Open(), pairs)
	}
	runtime.KeepAlive(w)
}

// What a full windower keeps does not grow with what goes through it.
func TestMemoryIsFlatAtTheCap(t *testing.T) {
	const limit = 2000
	l := newLine(func(c *Config) { c.MaxPairs = limit })
	feed := func(n int) {
		for i := range n {
			p := tcp(0, 0, 0, packet.SYN, 0)
			p.Dst = packet.AddrFrom4([]byte{12, byte(i >> 16), byte(i >> 8), byte(i)})
			l.add(p, base+int64(i))
			if i%1000 == 0 {
				l.out = l.Advance(l.clock, l.out[:0])
			}
		}
	}
	feed(3 * limit)
	size := func() int {
		w := l.Windower
		return len(w.pairs.slots) + len(w.pairs.chunks) + cap(w.pairs.links) + cap(w.pairs.free) + len(w.open.chunks) +
			cap(w.open.links) + cap(w.open.free) + cap(w.pending)
	}
	full := size()
	feed(30 * limit)
	if got := size(); got > full {
		t.Errorf("got %d after 30 times the cap, %d after 3 times", got, full)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"by pair":    nil,
		"by flow":    func(c *Config) { c.By = ByFlow },
		"by time":    func(c *Config) { c.Cut, c.Segment = CutTime, 10*time.Millisecond },
		"at the cap": func(c *Config) { c.MaxPairs = 50 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(change)
			in := make([]Input, 1)
			i, p := 0, packet.Packet{}
			step := func() {
				for range 1000 {
					p = tcp(1+i%2, 2-i%2, uint32(i), packet.ACK, i%250)
					p.SrcPort += uint16(i % 100 / 2)
					p.Src.Hi, p.Dst.Hi = uint64(i%100/2), uint64(i%100/2)
					l.clock = base + int64(i)*10_000
					in[0] = Input{&p, l.clock, l.clock, uint64(i), float64(i % 9)}
					l.Add(in)
					i++
				}
				l.out = l.Advance(l.clock, l.out[:0])
			}
			for range 40 {
				step()
			}
			if got := testing.AllocsPerRun(1, func() {
				for range 20 {
					step()
				}
			}); got != 0 {
				t.Errorf("got %v allocations in 20000 packets, want 0", got)
			}
		})
	}
}
