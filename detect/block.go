package detect

import (
	"cmp"
	"slices"
	"time"
)

// block is what detectors are given at once: a stretch of the input, in its order.
type block struct {
	flows   int // how many, of those that wait
	windows int
	batches []Batch
	steps   []step
}

// step is a part of a block: flows, then windows, then perhaps the end of a second and of batches. It has how many of the
// block's there are by its end.
type step struct {
	flows, windows, batches int
	second                  bool // it ends one
}

const (
	blockSize = 4096
	groupSize = 256 // flows that a detector is given at once
)

// full says whether a block has as much as it should.
func (b *block) full() bool {
	return b.flows >= blockSize || b.windows >= blockSize || len(b.steps) >= blockSize
}

// last returns the last step that has ended.
func (b *block) last() step {
	if len(b.steps) == 0 {
		return step{}
	}
	return b.steps[len(b.steps)-1]
}

// end ends the step at hand, unless there is nothing in it.
func (b *block) end(second bool) {
	s := step{b.flows, b.windows, len(b.batches), second}
	if s != b.last() || second {
		b.steps = append(b.steps, s)
	}
}

// takeWindow takes the next window.
func (b *block) takeWindow() { b.windows++ }

// takeFlow takes the next flow, which comes after the windows so far.
func (b *block) takeFlow() {
	if b.windows > b.last().windows {
		b.end(false)
	}
	b.flows++
}

// clear makes it an empty one.
func (b *block) clear() {
	b.flows, b.windows, b.batches, b.steps = 0, 0, b.batches[:0], b.steps[:0]
}

// openBatch is where the batches of one length stand.
type openBatch struct {
	every time.Duration
	end   int64 // of the batch that has records; noTime: none has
	later bool  // it is not the first
}

// schedule returns the lengths of the detectors' batches, the shortest first.
func schedule(detectors []*running) (batches []*openBatch) {
	var lengths []time.Duration
	for _, r := range detectors {
		lengths = append(lengths, r.lengths...)
	}
	slices.SortFunc(lengths, cmp.Compare)
	for _, every := range slices.Compact(lengths) {
		batches = append(batches, &openBatch{every: every, end: noTime})
	}
	return batches
}

// close returns the batch that ends, and leaves none open.
func (b *openBatch) close(ended bool, until int64) Batch {
	batch := Batch{Start: b.end - int64(b.every), End: b.end, Every: b.every, Last: ended}
	batch.Partial = !b.later || ended && b.end > until
	b.end, b.later = noTime, true
	return batch
}
