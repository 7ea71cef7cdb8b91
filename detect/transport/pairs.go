package transport

import (
	"hash/maphash"
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// pairQuiet is the packet time after which a pair of hosts begins anew: windows from before say nothing of it any more.
const pairQuiet = 10 * time.Minute

// WindowNumbers are the features of a window, or their means over several.
type WindowNumbers = [features.WindowFeatures]float64

// Pairs remembers what the windows of pairs of hosts were like so far, for models of BothSet: the means of each feature over
// the pair's windows since it was last quiet for 10 minutes. Where windows are made by flow, it is those of the flow's own
// addresses and ports. One goroutine uses it.
type Pairs struct {
	byFlow bool
	seed   maphash.Seed
	table  *detect.Table[pairKey, pairSums]
}

// pairKey is a client and a server, with their ports where windows are made by flow.
type pairKey struct {
	client, server         packet.Addr
	clientPort, serverPort uint16
	version                uint8
}

type pairSums struct {
	last int64 // time of the latest packet in a window
	n    float64
	sums WindowNumbers
}

// NewPairs returns an empty one for at most limit pairs, and windows made so. Beyond that it forgets the pair of which no
// window came for longest.
func NewPairs(limit int, windows *features.ContractWindow) *Pairs {
	return &Pairs{windows.By == features.ByFlow, maphash.MakeSeed(), detect.NewTable[pairKey, pairSums](limit)}
}

// Add takes a window, in the order in which they are written.
func (p *Pairs) Add(w *features.Window) {
	key := pairKey{w.Client, w.Target, w.ClientPort, w.TargetPort, w.Version}
	s, _ := p.table.Put(key, maphash.Comparable(p.seed, key))
	if s.n > 0 && w.First-s.last > int64(pairQuiet) {
		*s = pairSums{}
	}
	if s.n == 0 || w.Last > s.last {
		s.last = w.Last
	}
	for i, x := range w.Features {
		s.sums[i] += x
	}
	s.n++
}

// Means sets means to those over the windows that were added of a flow's pair, and returns whether there are any.
func (p *Pairs) Means(r *flowtable.Record, means *WindowNumbers) bool {
	key := pairKey{client: r.Client, server: r.Server, version: r.Version}
	if p.byFlow {
		key.clientPort, key.serverPort = r.ClientPort, r.ServerPort
	}
	s := p.table.Get(key, maphash.Comparable(p.seed, key))
	if s == nil || r.Start-s.last > int64(pairQuiet) {
		return false
	}
	for i, sum := range s.sums {
		means[i] = sum / s.n
	}
	return true
}

// AppendRow appends the numbers of a set to dst: of a flow's start by its first packets with payload, at most limit, and of
// windows; nil where there are none, as r is with WindowSet. The detector makes the rows that it judges with it, and
// training those that a model is fitted to.
func AppendRow(dst []float64, set Set, r *flowtable.Record, windows *WindowNumbers, limit int) []float64 {
	if set != WindowSet {
		dst = AppendStart(dst, r, limit)
	}
	switch {
	case set == StartSet:
	case windows != nil:
		dst = append(dst, windows[:]...)
	default:
		for range features.WindowFeatures {
			dst = append(dst, math.NaN())
		}
	}
	return dst
}
