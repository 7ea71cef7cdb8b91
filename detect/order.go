package detect

import (
	"time"

	"github.com/weir-sensor/weir/flowtable"
)

// Order puts flows that come in any order into that of their times and has an engine judge them. It holds Config.Reorder of
// them, and hands on the earliest when there is one more; of the same time, the one that came first. One that comes when
// later ones were handed on gets the time of the last of these, or, where it is earlier than that by more than
// Config.Lateness, is late: it is counted and not judged. One goroutine uses it.
type Order struct {
	engine *Engine
	hold   int
	grace  int64 // ns

	heap []place // the earliest first
	held []held
	free []int32 // places in held
	next uint64  // how many have come
	out  []Flow  // scratch
	last int64   // time of the flow that was handed on last

	counts OrderCounters
}

// OrderCounters say what became of flows: In is the sum of Judged and Late, once all were handed on.
type OrderCounters struct {
	In      uint64 `json:"in"`
	Judged  uint64 `json:"judged"`
	Clamped uint64 `json:"clamped"` // of those judged: with the time of a later one that was handed on before
	Late    uint64 `json:"late"`    // later than detect.lateness, and not judged
}

// place is a flow in the heap.
type place struct {
	time int64
	came uint64
	at   int32 // in held
}

type held struct {
	record  flowtable.Record
	missing Missing
}

// NewOrder returns an Order before the engine, which from then on belongs to it; cfg must be valid.
func NewOrder(cfg Config, engine *Engine) *Order {
	return &Order{engine: engine, hold: cfg.Reorder, grace: int64(cfg.Lateness), last: noTime}
}

// Counters returns what was counted so far.
func (o *Order) Counters() OrderCounters { return o.counts }

// Judge takes flows, of which Record, Time and Missing are set. They are copied. It returns the alert sink's error, which
// ends all.
func (o *Order) Judge(flows []Flow) error {
	for i := range flows {
		o.take(&flows[i])
		if len(o.heap) > o.hold {
			o.pass()
		}
	}
	return o.advance()
}

// Close hands on what is held, and closes the engine. It returns the alert sink's error.
func (o *Order) Close() error {
	for len(o.heap) > 0 {
		o.pass()
		if len(o.heap)%groupSize == 0 {
			if err := o.advance(); err != nil {
				return err
			}
		}
	}
	return o.engine.Close()
}

func (o *Order) advance() error {
	if o.last == noTime {
		return nil
	}
	return o.engine.Advance(o.last)
}

func (o *Order) take(f *Flow) {
	o.counts.In++
	at := f.Time
	switch {
	case o.last == noTime || at >= o.last:
	case o.last-at > o.grace:
		o.counts.Late++
		return
	default:
		o.counts.Clamped++
		at = o.last
	}
	slot := int32(len(o.held))
	if n := len(o.free); n > 0 {
		slot, o.free = o.free[n-1], o.free[:n-1]
	} else {
		o.held = append(o.held, held{})
	}
	o.held[slot] = held{*f.Record, f.Missing}
	o.heap = append(o.heap, place{at, o.next, slot})
	o.next++
	o.up(len(o.heap) - 1)
}

// pass hands on the earliest flow.
func (o *Order) pass() {
	first := o.heap[0]
	n := len(o.heap) - 1
	o.heap[0], o.heap = o.heap[n], o.heap[:n]
	o.down(0)
	h := &o.held[first.at]
	o.out = append(o.out[:0], Flow{Record: &h.record, Time: first.time, Missing: h.missing})
	o.engine.Judge(o.out)
	h.record.Features = nil // the engine has them
	o.free = append(o.free, first.at)
	o.last = first.time
	o.counts.Judged++
}

func (p place) before(q place) bool { return p.time < q.time || p.time == q.time && p.came < q.came }

func (o *Order) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !o.heap[i].before(o.heap[parent]) {
			return
		}
		o.heap[i], o.heap[parent] = o.heap[parent], o.heap[i]
		i = parent
	}
}

func (o *Order) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(o.heap); child++ {
			if o.heap[child].before(o.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		o.heap[i], o.heap[least] = o.heap[least], o.heap[i]
		i = least
	}
}

// maxLateness bounds Config.Lateness.
const maxLateness = 24 * time.Hour
