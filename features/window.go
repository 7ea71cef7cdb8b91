package features

import (
	"cmp"
	"math"
	"slices"

	"github.com/weir-sensor/weir/packet"
)

// Window is what the packets of one window say. It holds no pointers and is copied by value. Times are nanoseconds since
// the Unix epoch. Shares are of the window's packets, 0..1.
type Window struct {
	Client, Target         packet.Addr
	ClientPort, TargetPort uint16 // with windows per flow; else 0
	Version                uint8  // 4 or 6
	SegmentStart           int64
	First, Last            int64  // earliest and latest timestamp of its packets
	Packets                uint32 // of both directions
	Connections            uint32 // distinct pairs of TCP ports; with cut time at least so many, see Windower

	Truncated     float64 // share of packets whose payload was not captured to its end
	Offload       float64 // share of packets longer than the wire could carry
	Retransmitted float64 // share of packets with payload whose sequence number one before, of the same direction, had with payload
	OneWay        float64 // share of packets whose connection shows packets of one direction only

	Features [WindowFeatures]float64 // see Features

	// Written is the input's clock at which the window was due, and Ordinal the place in the input of its last packet
	// (with cut time: of its first): windows are ordered by the two.
	Written int64
	Ordinal uint64

	Label uint32 // place among the run's labels, from 1; 0: none
}

// DropReason says why a window was not written.
type DropReason uint8

const (
	Remainder   DropReason = iota // its segment, or the input, ended before it had its packets
	Evicted                       // the table was full and its pair the one idle for longest
	DropReasons                   // how many there are
)

// DropReasonNames are the names of the reasons.
var DropReasonNames = [DropReasons]string{"remainder", "evicted"}

// Counters are the windows' part of the ledger: Opened = Windower.Open + Written + the sum of Dropped, and the packets
// given to Add are the sum of Counted, NotTCP, Fragments, CutHeaders and Outside.
type Counters struct {
	Opened, Written uint64
	Dropped         [DropReasons]uint64
	PairsEvicted    uint64 // pairs forgotten because the table was full

	Counted    uint64 // packets in windows
	NotTCP     uint64
	Fragments  uint64
	CutHeaders uint64 // not all of the TCP header was captured
	Outside    uint64 // neither end is in the client networks
}

// Network is what windows need to know of the network beside their own configuration; flows use the same.
type Network struct {
	ServerPorts []uint16 // server ports besides those below 1024
	MTU         uint32   // longer IP packets were never on the wire as one, bytes; 0: unknown
}

// Windower makes the windows of one shard. It is used by one goroutine.
//
// Time is cut into segments, aligned to the epoch. Within one, the TCP packets of two hosts make windows: each
// Config.Packets in a row are one, and what remains at the segment's end is dropped and counted. With cut time, what a
// segment holds of a pair is one window, however many packets; with by flow, windows are of one TCP connection's
// addresses and ports in place of all that two hosts have. IPv4 and IPv6 are told apart, VLANs are not.
//
// A packet belongs to the segment of the input's clock, which is its own time unless it comes after packets with later
// timestamps: an ended segment is over, and a packet whose time goes backwards into one counts in the segment that has
// begun since. Fragments are left out, and packets of whose TCP header less than 20 bytes were captured. One with an
// impossible data offset counts as one without payload.
//
// Of two ends of which one is in Config.Clients, that one is the client. Of two that both are, and where no networks are
// given, the first packet of the pair (or flow) tells: the source of a SYN, the destination of a SYN-ACK, the other side
// of the only well-known server port, else the source. It stays until the clock has gone on by 10 minutes without a
// packet of theirs. With networks given and neither end in one, there is no window. Where a host talks to itself, it is
// client and target at once, and each of its connections tells by its first packet, in the same way, which port is the
// client's; it is remembered beside the pair.
//
// Intervals are between packets of one direction in one window, the first of each sequence number, whatever connection
// of the pair they belong to: so CovertMark documents and computes them. They are absolute values, should time go back.
//
// A window of fixed size is exact, since it remembers every packet's length, sequence number and ports. With cut time, a
// window remembers the last Config.Packets sequence numbers of each direction (one that comes again after so many others
// counts as new), and the first Config.Packets different lengths of each direction and pairs of ports: what comes later
// does not count in top1, top2, connections and OneWay. Means, extremes and bins are exact in either case.
//
// Memory is bounded by Config.MaxPairs: when so many are known, the one idle for longest is forgotten, with its window.
// An open window takes 400 + 20.125*Config.Packets bytes (400 + 32.25*Config.Packets with cut time) to the next eight,
// 1408 with windows of 50 packets; a pair takes 56, and 30 to 40 in the index and in lists.
type Windower struct {
	cfg      Config
	groups   group
	byTime   bool
	byFlow   bool
	clients  packet.Networks
	servers  [65536 / 64]uint64
	mtu      uint32
	pairs    pairs
	open     slab
	counters Counters

	clock      int64 // the input's, as far as the windower knows
	segment    int64 // where the clock's segment begins
	segmentEnd int64
	sweptTo    int64            // no window of a segment before this one is open
	nextQuiet  int64            // before this, no pair is to be forgotten
	keys       [groupSize]key   // of the group's packets
	ends       [groupSize]uint8 // that sent them
	hashes     [groupSize]uint32
	places     [groupSize]uint32
	touched    uint64
	pending    []Window // written, not yet handed out
	order      []due    // scratch of handOut
	total      state    // scratch of sum
	lists      []uint32 // its lists
	settle     int64
	shutdown   bool
	added      bool // packets came since the last Advance
}

const (
	groupSize     = 32      // packets looked up side by side
	sweepBudget   = 4       // ended windows, and forgotten pairs, looked at per packet
	advanceBudget = 1 << 14 // the same, of an Advance without packets
	noTime        = math.MaxInt64

	// The clock is taken to be within these, 1967 to 2257, so that no sum or difference of times overflows.
	minClock = -(1 << 56)
	maxClock = math.MaxInt64 - 1<<57
)

// New returns a windower that remembers cfg.MaxPairs/shards pairs. cfg is valid. Seed makes the hash unpredictable;
// nothing that is written depends on it.
func New(cfg Config, net Network, shards int, seed [4]uint64) *Windower {
	w := &Windower{
		cfg:     cfg,
		groups:  groupSet(cfg.Groups),
		byTime:  cfg.Cut == CutTime,
		byFlow:  cfg.By == ByFlow,
		clients: packet.NewNetworks(cfg.Clients),
		mtu:     net.MTU,
		pairs:   newPairs(max(1, (cfg.MaxPairs+shards-1)/shards), seed),
		clock:   math.MinInt64,
		settle:  math.MinInt64,
	}
	w.segmentEnd = math.MinInt64
	if w.mtu == 0 {
		w.mtu = math.MaxUint32
	}
	w.open = newSlab(cfg.Packets, w.byTime, w.groups&lenGroup != 0)
	w.lists = make([]uint32, w.open.layout.words)
	for port := range 1024 {
		w.servers[port/64] |= 1 << (port % 64)
	}
	w.servers[0] &^= 1
	for _, port := range net.ServerPorts {
		w.servers[port/64] |= 1 << (port % 64)
	}
	return w
}

// Open returns the number of open windows.
func (w *Windower) Open() int { return w.open.used }

// Pairs returns the number of pairs, or flows, that are remembered.
func (w *Windower) Pairs() int { return w.pairs.used }

// Counters returns the counters so far.
func (w *Windower) Counters() Counters { return w.counters }

// Input is a packet with what the capture says of it.
type Input struct {
	Packet  *packet.Packet // borrowed until Add returns
	Time    int64          // the packet's own timestamp, ns
	Clock   int64          // the latest timestamp in the input up to and including this packet, ns
	Ordinal uint64         // the packet's place in the input, ascending
	Entropy float64        // of its captured payload, see payload.Meter; of no interest where the group is off
}

// Add counts the packets, in the order of their clocks. It looks at what they need of the memory before it counts any, so
// that the cache misses of one overlap those of the others. It does not allocate but for growth.
func (w *Windower) Add(in []Input) {
	for len(in) > 0 {
		group := in[:min(len(in), groupSize)]
		in = in[len(group):]
		w.touch(group)
		for i := range group {
			g := &group[i]
			if pr, d := w.locate(g, i); pr != nil {
				w.count(pr, g.Packet, d, g.Time, g.Ordinal, g.Entropy)
			}
		}
	}
}

// locate returns the pair of the group's i-th packet, which has an open window, and the packet's direction; nil where it
// belongs in none.
func (w *Windower) locate(in *Input, i int) (*pair, int) {
	p := in.Packet
	w.added = true
	w.tick(in.Clock)
	w.sweep(sweepBudget)
	switch {
	case p.Proto != packet.ProtoTCP:
		w.counters.NotTCP++
		return nil, 0
	case p.Flags&(packet.FragFirst|packet.FragLater) != 0:
		w.counters.Fragments++
		return nil, 0
	case p.Flags&packet.HeaderCut != 0:
		w.counters.CutHeaders++
		return nil, 0
	}
	place, d := w.pairOf(p, &w.keys[i], int(w.ends[i]), w.hashes[i])
	if place == 0 {
		w.counters.Outside++
		return nil, 0
	}
	if p.Src == p.Dst && !w.byFlow { // the connection told the direction
		var k key
		end := k.of(p, false)
		place, _ = w.pairOf(p, &k, end, w.pairs.hash(&k))
	}
	w.counters.Counted++
	pr := w.pairs.pair(place)
	if pr.window == 0 || pr.segment != w.segment {
		w.openWindow(place, pr, in.Ordinal)
	}
	return pr, d
}

// openWindow opens the pair's window in the clock's segment.
func (w *Windower) openWindow(place uint32, pr *pair, ordinal uint64) {
	if pr.window != 0 {
		w.endWindow(pr.window)
	}
	pr.window, pr.packets, pr.segment = w.open.take(), 0, w.segment
	*w.open.head(pr.window) = head{ordinal: ordinal, pair: place}
	w.counters.Opened++
}

// pairWith returns the pair of an open window.
func (w *Windower) pairWith(window uint32) *pair { return w.pairs.pair(w.open.head(window).pair) }

// tick lets the clock go on.
func (w *Windower) tick(clock int64) {
	clock = min(max(clock, minClock), maxClock)
	if clock <= w.clock {
		return
	}
	w.clock = clock
	if w.clock >= w.segmentEnd {
		length := int64(w.cfg.Segment)
		w.segment = w.clock - (w.clock%length+length)%length
		w.segmentEnd = w.segment + length
	}
}

// sweep ends windows of segments that are over, and forgets pairs that were quiet, at most budget of each, the first
// ones first.
func (w *Windower) sweep(budget int) {
	if w.sweptTo == w.segment && w.clock < w.nextQuiet {
		return
	}
	for range budget {
		place := w.open.first()
		if place == 0 || w.pairWith(place).segment == w.segment {
			w.sweptTo = w.segment
			break
		}
		w.endWindow(place)
	}
	for range budget {
		place := w.pairs.oldest()
		if place == 0 {
			w.nextQuiet = w.clock + int64(quiet)
			break
		}
		if w.quietFor(place) < int64(quiet) {
			w.nextQuiet = w.pairs.pair(place).seen + int64(quiet)
			break
		}
		w.forget(place, Remainder)
	}
}

// endWindow ends a window whose segment is over.
func (w *Windower) endWindow(place uint32) {
	if !w.byTime {
		w.drop(place, Remainder)
		return
	}
	w.write(place, w.dueAt(place), w.open.head(place).ordinal)
}

// drop ends a window that is not written.
func (w *Windower) drop(place uint32, reason DropReason) {
	w.counters.Dropped[reason]++
	w.release(place)
}

// write ends a window with a record.
func (w *Windower) write(place uint32, due int64, ordinal uint64) {
	w.counters.Written++
	w.pending = append(w.pending, Window{})
	r := &w.pending[len(w.pending)-1]
	w.fill(r, place)
	r.Written, r.Ordinal = due, ordinal
	w.release(place)
}

func (w *Windower) release(place uint32) {
	w.pairWith(place).window = 0
	w.open.giveBack(place)
}

// forget removes a pair and ends its window: as it would have ended where its segment is over, else for the reason.
func (w *Windower) forget(place uint32, reason DropReason) {
	if pr := w.pairs.pair(place); pr.window != 0 {
		if pr.segment != w.segment {
			w.endWindow(pr.window)
		} else {
			w.drop(pr.window, reason)
		}
	}
	w.pairs.remove(place)
}

// Advance lets the input's clock go on to clock, which ends segments even where no packet comes, and appends to out
// windows that are due, in the order of Written, then Ordinal, among them all that are due before Settled. The clock is
// at least that of every packet added, and at most that of every packet still to come.
func (w *Windower) Advance(clock int64, out []Window) []Window {
	w.tick(clock)
	if !w.added {
		w.sweep(advanceBudget)
	}
	w.added = false
	out, _ = w.handOut(out, len(w.pending))
	return out
}

// Settled returns the packet time before which the windower has handed out all windows.
func (w *Windower) Settled() int64 { return w.settle }

// handOut appends up to n pending windows before which no other will come, and says whether there are more of them.
func (w *Windower) handOut(out []Window, n int) ([]Window, bool) {
	frontier, ordinal := w.frontier()
	w.settle = max(w.settle, frontier)
	w.order = w.order[:0]
	for i := range w.pending {
		if r := &w.pending[i]; r.Written < frontier || r.Written == frontier && r.Ordinal < ordinal {
			w.order = append(w.order, due{r.Written, r.Ordinal, uint32(i)})
		}
	}
	if !slices.IsSortedFunc(w.order, due.compare) {
		slices.SortFunc(w.order, due.compare)
	}
	n = min(n, len(w.order))
	for _, o := range w.order[:n] {
		out = append(out, w.pending[o.at])
		w.pending[o.at].Packets = 0 // handed out: a window has packets
	}
	kept := w.pending[:0]
	if n < len(w.pending) {
		for i := range w.pending {
			if w.pending[i].Packets != 0 {
				kept = append(kept, w.pending[i])
			}
		}
	}
	w.pending = kept
	return out, n < len(w.order)
}

// due is what pending windows are sorted by, and where they are.
type due struct {
	written int64
	ordinal uint64
	at      uint32
}

func (d due) compare(e due) int {
	if c := cmp.Compare(d.written, e.written); c != 0 {
		return c
	}
	return cmp.Compare(d.ordinal, e.ordinal)
}

// frontier returns the earliest Written and Ordinal that a window may still come with: with cut time those of the first
// window of an ended segment, else the clock and the next packet's place, whatever it is.
func (w *Windower) frontier() (int64, uint64) {
	place := w.open.first()
	switch {
	case w.byTime && place != 0 && (w.shutdown || w.pairWith(place).segment != w.segment):
		return w.dueAt(place), w.open.head(place).ordinal
	case w.shutdown:
		return noTime, math.MaxUint64
	}
	return w.clock, math.MaxUint64
}

// dueAt returns when a window with cut time is due: at its segment's end, or at the end of time where the input ended before.
func (w *Windower) dueAt(place uint32) int64 {
	segment := w.pairWith(place).segment
	if segment == w.segment {
		return noTime
	}
	return segment + int64(w.cfg.Segment)
}

// Shutdown ends the input at the clock. With cut time, the last segment's windows are written although it is not over,
// their Written being the end of time; with cut packets, what remains is dropped. The windows come from Drain.
func (w *Windower) Shutdown(clock int64) {
	w.tick(clock)
	w.shutdown = true
	if w.byTime {
		return
	}
	for place := w.open.first(); place != 0; place = w.open.first() {
		w.drop(place, Remainder)
	}
}

// Drain appends up to n windows after Shutdown, in order, and says whether there are more.
func (w *Windower) Drain(out []Window, n int) ([]Window, bool) {
	for range n {
		place := w.open.first()
		if place == 0 {
			break
		}
		w.write(place, w.dueAt(place), w.open.head(place).ordinal)
	}
	out, more := w.handOut(out, n)
	return out, more || w.open.first() != 0
}
