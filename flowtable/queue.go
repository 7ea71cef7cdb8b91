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
// costs the queues nothing, and a flow is visited at most once per timeout.

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
	clockLimit = 1 << 61 // packet times are kept inside +-73 years of 1970, so that sums never overflow
)

// link is a doubly linked list's node; nodes below sentinels are the heads of the buckets, the others are flows.
type link struct{ next, prev uint32 }

type queue struct {
	timeout int64 // ns; 0: never
	shift   uint8 // a tick is 1<<shift ns
	hand    int64 // the first tick not yet looked at
	low     int64 // no flow is linked under a tick before this one
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
	tick := t.seen(f) >> q.shift
	if q.flows == 0 {
		q.hand, q.low, q.current = tick, tick, false
	}
	q.low = min(q.low, max(tick, q.hand))
	q.flows++
	t.pushBack(t.head(int(f.queue), max(tick, q.hand)), place)
	if due := t.dueTime(q); due < t.nextDue {
		t.nextDue = due
	}
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

// dueTime returns when the queue's hand may take its next tick: when all flows linked under it are past their time.
func (t *Table) dueTime(q *queue) int64 {
	if q.timeout == 0 || q.flows == 0 {
		return noTime
	}
	return (q.hand+1)<<q.shift + q.timeout
}

// sweep looks at flows whose time may have come, at most budget of them, and returns what is left of the budget.
func (t *Table) sweep(clock int64, budget int) int {
	t.nextDue = noTime
	for i := range t.queues {
		q := &t.queues[i]
		for budget > 0 && (q.current || t.dueTime(q) <= clock) {
			if !q.current {
				t.takeBucket(i, q)
				budget--
			}
			budget = t.visit(i, q, clock, budget)
		}
		if q.current {
			t.nextDue = math.MinInt64
		} else {
			t.nextDue = min(t.nextDue, t.dueTime(q))
		}
	}
	return budget
}

// takeBucket moves the flows under the hand's tick to the list being looked at, and the hand on.
func (t *Table) takeBucket(i int, q *queue) {
	head, current := t.head(i, q.hand), t.currentHead(i)
	q.hand++
	q.low = max(q.low, q.hand)
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

// visit expires or moves the flows in the list being looked at.
func (t *Table) visit(i int, q *queue, clock int64, budget int) int {
	current := t.currentHead(i)
	for budget > 0 {
		node := t.links[current].next
		if node == current {
			q.current = false
			break
		}
		budget--
		place := node - sentinels
		f := t.flow(place)
		if due := t.deadline(f); due <= clock {
			t.expire(place, f, due)
			continue
		}
		t.dequeue(place, f)
		t.enqueue(place, f)
	}
	return budget
}

// settled returns the time before which no record will come any more.
func (t *Table) settled(clock int64) int64 {
	for i := range t.queues {
		q := &t.queues[i]
		if q.timeout == 0 || q.flows == 0 {
			continue
		}
		hand := q.hand
		if q.current {
			hand--
		}
		clock = min(clock, hand<<q.shift+q.timeout)
	}
	return clock
}

// oldest returns the flow of the queue that has been idle for longest, to within a tick, or false where it is empty.
// Flows that were active since they were linked are moved on the way.
func (t *Table) oldest(i int) (uint32, *flow, bool) {
	q := &t.queues[i]
	for q.flows > 0 {
		head := t.head(i, q.low)
		if q.current {
			head = t.currentHead(i)
		}
		node := t.links[head].next
		if node == head {
			if q.current {
				q.current = false
			} else {
				q.low++
			}
			continue
		}
		place := node - sentinels
		f := t.flow(place)
		if t.queueOf(f) == uint8(i) && (q.current || t.head(i, t.seen(f)>>q.shift) == head) {
			return place, f, true
		}
		t.dequeue(place, f)
		t.enqueue(place, f)
	}
	return 0, nil, false
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
			if sparing && clock-seen < t.queues[i].timeout>>(3-2*answered) {
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
