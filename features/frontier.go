package features

import "math"

// Frontier returns the earliest Written and Ordinal with which a window may still come, after Advance; next is the place
// in the input of the first packet that is still to come.
func (w *Windower) Frontier(next uint64) (written int64, ordinal uint64) {
	written, ordinal = w.frontier()
	if ordinal == math.MaxUint64 && !w.shutdown {
		ordinal = next
	}
	return written, ordinal
}
