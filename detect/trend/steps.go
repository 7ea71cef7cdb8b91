package trend

import (
	"time"

	"github.com/weir-sensor/weir/flowtable"
)

const (
	stepLength = 10 * time.Second
	ring       = 16 // steps that can be open at once
)

// stepOf returns the number of the step of a time.
func stepOf(t int64) int64 {
	n := t / int64(stepLength)
	if t%int64(stepLength) < 0 {
		n--
	}
	return n
}

// openSteps are the steps that still take records: from first on, ring of them at most.
type openSteps struct {
	first int64
	begun bool
	late  uint64 // flows that began before the first
}

// slot is a step's place in rings.
func slot(step int64) int { return int(uint64(step) % ring) }

// lasting are the steps that a record lasts in.
type lasting struct {
	start, end int64 // of the record
	first      int64 // that is open
	from, to   int64 // of these, none is later than the last one that is open
	open       bool  // the step is in which it began
}

// set sets them to a record's.
func (l *lasting) set(o *openSteps, r *flowtable.Record) {
	last := o.first + ring - 1
	l.start, l.end, l.first = r.Start, r.End, o.first
	l.from, l.to = min(stepOf(r.Start), last), min(stepOf(r.End), last)
	l.open = l.from >= o.first
}

// spread calls add for each open step that the record lasts in, with the step's share of it: its packets are taken to be
// spread evenly.
func (l *lasting) spread(add func(step int64, share float64)) {
	if l.from >= l.to {
		if l.open {
			add(l.to, 1)
		}
		return
	}
	length := float64(l.end - l.start)
	for step := max(l.from, l.first); step <= l.to; step++ {
		begin, end := max(step*int64(stepLength), l.start), min((step+1)*int64(stepLength), l.end)
		if end > begin {
			add(step, float64(end-begin)/length)
		}
	}
}
