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
	*flowtable.Record
	first    int64 // that is open
	from, to int64 // of these, none is later than the last one that is open
	open     bool  // the step is in which it began
	placed         // of a flow's first record in such a step
}

// of returns the steps of a record.
func (o *openSteps) of(r *flowtable.Record) lasting {
	last := o.first + ring - 1
	l := lasting{Record: r, first: o.first, from: min(stepOf(r.Start), last), to: min(stepOf(r.End), last)}
	l.open = l.from >= o.first
	return l
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
	r, length := l.Record, float64(l.End-l.Start)
	for step := max(l.from, l.first); step <= l.to; step++ {
		begin, end := max(step*int64(stepLength), r.Start), min((step+1)*int64(stepLength), r.End)
		if end > begin {
			add(step, float64(end-begin)/length)
		}
	}
}
