package flowtable

import (
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/packet"
)

// The open flows of one shard wait in queues, one for each idle timeout and for answered and unanswered flows. A
// queue is a ring of buckets by the input's clock at the flow's latest packet (a tick is about 1/400 of the timeout).
// A flow is linked where it was when it came in; packets do not move it. When its bucket's time has come it is looked
// at: if it has been active since, it moves to the bucket where it belongs now, else it has expired. So a packet
// costs the queues nothing, and a flow is visited at most once per timeout. Ticks too late for the ring are linked
// under its last bucket and looked at again from there, so that no bucket ever holds flows of two laps.

// The idle timeouts, by which flows are queued.
const (
	idleTCP = iota
	idleEmbryonic
	idleClosed
	idleUDP
	idleICMP
	idleOther
	idleClasses
)

const (
	queueCount = 2 * idleClasses // class*2, +1 for answered flows
	buckets    = 1024
	perQueue   = buckets + 1 // the buckets, and the list of those being looked at
	sentinels  = queueCount * perQueue
	maxTicks   = 600 // of a timeout, so that the ring is never full
	neverShift = 40  // ticks of 18 minutes where there is no timeout
	chunkBits  = 14
	chunkFlows = 1 << chunkBits
	noTime     = math.MaxInt64
	second     = 1_000_000_000
)

// link is a doubly linked list's node; nodes below sentinels are the heads of the buckets, the others are flows.
type link struct{ next, prev uint32 }

type queue struct {
	timeout int64 // ns; 0: never
	shift   uint8 // a tick is 1<<shift ns
	hand    int64 // the first tick not yet looked at
	low     int64 // no flow is linked under a tick before this one
	high    int64 // no flow is linked under a tick after this one
	since   int64 // no flow in the list being looked at is due before this
	floor   int64 // no flow of the queue is due before this
	flows   int   // linked in any bucket
	current bool  // the list being looked at is not empty
}

func (t *Table) initQueues() {
	timeouts := t.timeouts()
	for q := range t.queues {
		timeout := timeouts[q/2]
		shift := uint8(neverShift)
		if timeout > 0 {
			shift = uint8(max(0, bits.Len64(uint64(timeout/maxTicks))))
		}
		t.queues[q] = queue{timeout: timeout, shift: shift}
	}
	t.links = make([]link, sentinels, sentinels+chunkFlows)
	for i := range t.links {
		t.links[i] = link{uint32(i), uint32(i)}
	}
}

// queueOf returns the queue that a flow belongs in.
func (t *Table) queueOf(f *flow) uint8 {
	class := uint8(idleOther)
	switch f.proto {
	case packet.ProtoTCP:
		switch {
		case f.tcpBits&ended != 0:
			class = idleClosed
		case f.tcpBits&handshakeDone != 0:
			class = idleTCP
		default:
			class = idleEmbryonic
		}
	case packet.ProtoUDP:
		class = idleUDP
	case packet.ProtoICMP, packet.ProtoICMPv6:
		class = idleICMP
	}
	if f.answered() {
		return class*2 + 1
	}
	return class * 2
}

// deadline returns when the flow expires if it stays idle; noTime for never.
func (t *Table) deadline(f *flow) int64 {
	timeout := t.queues[t.queueOf(f)].timeout
	if timeout == 0 {
		return noTime
	}
	return t.seen(f) + timeout
}

// enqueue links a flow where it belongs.
func (t *Table) enqueue(place uint32, f *flow) {
	f.queue = t.queueOf(f)
	q := &t.queues[f.queue]
	seen := t.seen(f)
	if q.flows == 0 {
		q.begin(t.clock)
	}
	tick := q.tick(seen)
	q.low, q.high = min(q.low, tick), max(q.high, tick)
	q.floor = min(q.floor, seen+q.timeout)
	q.flows++
	t.pushBack(t.head(int(f.queue), tick), place)
	if due := q.due(); due < t.nextDue {
		t.nextDue = due
	}
}

// begin makes an empty queue ready for every flow that may come at the clock: the ones that were last seen longer ago
// than the timeout have ended. Where there is no timeout, half of the ring is for flows seen earlier.
func (q *queue) begin(clock int64) {
	q.hand = (clock - q.timeout) >> q.shift
	if q.timeout == 0 {
		q.hand -= buckets / 2
	}
	q.low, q.high, q.floor, q.current = q.hand+buckets, q.hand, noTime, false
}

// tick returns the tick under which a flow is linked that was last seen at the time.
func (q *queue) tick(seen int64) int64 {
	return min(max(seen>>q.shift, q.hand), q.hand+buckets-1)
}

func (t *Table) head(queue int, tick int64) uint32 {
	return uint32(queue*perQueue + int(tick&(buckets-1)))
}

func (t *Table) currentHead(queue int) uint32 { return uint32(queue*perQueue + buckets) }

func (t *Table) pushBack(head, place uint32) {
	node := place + sentinels
	last := t.links[head].prev
	t.links[node] = link{next: head, prev: last}
	t.links[last].next = node
	t.links[head].prev = node
}

// dequeue unlinks a flow.
func (t *Table) dequeue(place uint32, f *flow) {
	n := t.links[place+sentinels]
	t.links[n.prev].next = n.next
	t.links[n.next].prev = n.prev
	t.queues[f.queue].flows--
}

// due returns when the queue wants to be looked at: when all flows linked under the hand's tick are past their time.
func (q *queue) due() int64 {
	switch {
	case q.timeout == 0 || q.flows == 0:
		return noTime
	case q.current:
		return math.MinInt64
	}
	return (q.hand+1)<<q.shift + q.timeout
}

// first returns the queue that wants to be looked at first, and when.
func (t *Table) first() (first int, due int64) {
	due = noTime
	for i := range t.queues {
		if d := t.queues[i].due(); d < due {
			first, due = i, d
		}
	}
	return first, due
}

// sweep looks at flows whose time may have come, at most budget of them and those of a bucket emptied on the way, in
// the order in which their times came: so what is written early settles early.
func (t *Table) sweep(clock int64, budget int) {
	t.clock = clock
	sharpen := t.held > t.patience
	if sharpen {
		budget = math.MaxInt
	}
	i, due := t.first()
	for budget > 0 && due <= clock && due != noTime {
		q := &t.queues[i]
		if !q.current {
			t.takeBucket(i, q, clock)
			budget--
		}
		budget = t.visit(i, q, clock, budget)
		i, due = t.first()
	}
	if sharpen {
		t.sharpen(clock)
		_, due = t.first()
	}
	t.nextDue = due
}

// takeBucket moves the hand on to the first flows that are due, and these to the list being looked at. When the hand
// is a whole lap behind, all flows are due to be looked at.
func (t *Table) takeBucket(i int, q *queue, clock int64) {
	q.since = q.hand<<q.shift + q.timeout
	goal := (clock - q.timeout) >> q.shift // the first tick that is not over
	q.hand = max(q.hand, min(q.low, goal))
	if goal-q.hand >= buckets {
		for tick := q.hand; tick <= q.high; tick++ {
			t.take(i, q, tick)
		}
		q.hand = goal
	}
	for !q.current && q.hand < goal {
		t.take(i, q, q.hand)
		q.hand++
	}
	q.low = max(q.low, q.hand)
}

// take moves the flows under the tick to the end of the list being looked at.
func (t *Table) take(i int, q *queue, tick int64) {
	head, current := t.head(i, tick), t.currentHead(i)
	first, last := t.links[head].next, t.links[head].prev
	if first == head {
		return
	}
	t.links[head] = link{head, head}
	tail := t.links[current].prev
	t.links[tail].next, t.links[first].prev = first, tail
	t.links[last].next, t.links[current].prev = current, last
	q.current = true
}

// visit expires or moves the flows in the list being looked at, a group at a time so that their cache misses overlap.
func (t *Table) visit(i int, q *queue, clock int64, budget int) int {
	current := t.currentHead(i)
	var group [groupSize]uint32
	for budget > 0 {
		n := 0
		for node := t.links[current].next; node != current && n < min(groupSize, budget); node = t.links[node].next {
			group[n] = node - sentinels
			n++
		}
		if n == 0 {
			q.current = false
			break
		}
		budget -= n
		t.fetch(group[:n])
		for _, place := range group[:n] {
			f := t.flow(place)
			if due := t.deadline(f); due <= clock {
				t.expire(place, f, due)
				continue
			}
			t.dequeue(place, f)
			t.enqueue(place, f)
		}
	}
	return budget
}

// fetch fetches the flows, their links and slots in the index, and what their records will need.
func (t *Table) fetch(places []uint32) {
	for _, place := range places {
		fetchFlow(t.flow(place))
		fetch32(&t.links[place+sentinels].next)
	}
	mask := uint32(len(t.index.slots) - 1)
	for _, place := range places {
		fetch(&t.index.slots[t.flow(place).hash&mask])
	}
	if t.measures != nil {
		t.measures.fetchAll(places)
	}
}

// settled returns the moment before which no record will come any more.
func (t *Table) settled(clock int64, next uint64) Moment {
	idle := int64(noTime) // no flow is due before this
	for i := range t.queues {
		q := &t.queues[i]
		if q.timeout == 0 || q.flows == 0 {
			continue
		}
		earliest := q.hand<<q.shift + q.timeout
		if q.current {
			earliest = q.since
		}
		idle = min(idle, max(earliest, q.floor))
	}
	if idle > clock {
		return Moment{clock, next}
	}
	return Moment{Time: idle}
}

// sharpen ends all flows that are due, to the nanosecond, so that everything written so far is settled. Otherwise
// records would wait for the coarsest queue's tick to be over, and a flood could make any number of them meanwhile. It
// comes after a sweep to the end and costs a look at the flows under each hand.
func (t *Table) sharpen(clock int64) {
	for i := range t.queues {
		q := &t.queues[i]
		if q.timeout == 0 || q.flows == 0 {
			continue
		}
		floor := (q.hand+1)<<q.shift + q.timeout
		head := t.head(i, q.hand)
		for node := t.links[head].next; node != head; {
			place := node - sentinels
			node = t.links[node].next
			f := t.flow(place)
			if due := t.deadline(f); due <= clock {
				t.expire(place, f, due)
			} else {
				floor = min(floor, due)
			}
		}
		q.floor = floor
	}
	t.held = 0
}

// oldest returns the flow of the queue that has been idle for longest, to within a tick (18 minutes where there is no
// timeout), or false where it is empty. Flows that were active since they were linked are moved on the way. It comes
// after a sweep to the end.
func (t *Table) oldest(i int) (uint32, *flow, bool) {
	q := &t.queues[i]
	for q.flows > 0 {
		head := t.head(i, q.low)
		node := t.links[head].next
		if node == head {
			q.low++
			continue
		}
		if q.low == q.hand+buckets-1 {
			t.nextLap(i, q)
			continue
		}
		place := node - sentinels
		f := t.flow(place)
		if t.queueOf(f) == uint8(i) && q.tick(t.seen(f)) == q.low {
			return place, f, true
		}
		t.dequeue(place, f)
		t.enqueue(place, f)
	}
	return 0, nil, false
}

// nextLap moves the hand of a queue without timeout to its oldest flow. All its flows are under the last tick.
func (t *Table) nextLap(i int, q *queue) {
	t.take(i, q, q.low)
	current := t.currentHead(i)
	q.hand = noTime
	for node := t.links[current].next; node != current; node = t.links[node].next {
		q.hand = min(q.hand, t.seen(t.flow(node-sentinels))>>q.shift)
	}
	q.low, q.high = q.hand, q.hand
	for node := t.links[current].next; node != current; node = t.links[current].next {
		place := node - sentinels
		f := t.flow(place)
		t.dequeue(place, f)
		t.enqueue(place, f)
	}
	q.current = false
}

// requeueIfSooner moves a flow whose state now has a shorter timeout than the queue it waits in.
func (t *Table) requeueIfSooner(place uint32, f *flow) {
	now, then := t.queues[t.queueOf(f)].timeout, t.queues[f.queue].timeout
	if now != 0 && (now < then || then == 0) {
		t.dequeue(place, f)
		t.enqueue(place, f)
	}
}

// victim returns the flow least worth keeping: the longest idle of the unanswered ones, else of all. Only flows that
// have been idle for at least a share (1/8 unanswered, 1/2 answered) of their timeout count when sparing is set.
func (t *Table) victim(clock int64, sparing bool) (place uint32, f *flow) {
	for answered := range 2 {
		earliest := int64(noTime)
		for i := answered; i < queueCount; i += 2 {
			if t.queues[i].flows == 0 {
				continue
			}
			candidate, cf, ok := t.oldest(i)
			if !ok {
				continue
			}
			seen := t.seen(cf)
			timeout := t.queues[i].timeout
			if sparing && (timeout == 0 || clock-seen < timeout>>(3-2*answered)) {
				continue
			}
			if seen < earliest {
				place, f, earliest = candidate, cf, seen
			}
		}
		if f != nil {
			return place, f
		}
	}
	return 0, nil
}
