package trend

import (
	"time"

	"github.com/weir-sensor/weir/detect"
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

// start returns the step in which the flow began; ok is false where that is closed.
func (o *openSteps) start(f *detect.Flow) (step int64, ok bool) {
	step = min(stepOf(f.Start), o.first+ring-1)
	return step, step >= o.first
}

// spread calls add for each open step that the record lasts in, with the step's share of it: its packets are taken to be
// spread evenly.
func (o *openSteps) spread(r *flowtable.Record, add func(step int64, share float64)) {
	from, to := stepOf(r.Start), min(stepOf(r.End), o.first+ring-1)
	if from >= to {
		if from >= o.first {
			add(to, 1)
		}
		return
	}
	length := float64(r.End - r.Start)
	for step := max(from, o.first); step <= to; step++ {
		begin, end := max(step*int64(stepLength), r.Start), min((step+1)*int64(stepLength), r.End)
		if end > begin {
			add(step, float64(end-begin)/length)
		}
	}
}
