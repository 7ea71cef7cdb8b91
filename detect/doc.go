// Package detect is the contract between flow records and the detectors that judge them: what a detector is given, what
// it says, and the engine that runs them all on packet time.
//
// A detector is a value that implements [Detector] and, of the interfaces beside it, those that it needs: [FlowWatcher],
// [WindowWatcher], [Batcher], [ScoreWatcher]. One goroutine at a time calls it, in the order of packet time, while others
// call other detectors: they share nothing but the records, which they only read. It keeps what it remembers in a [Table],
// which is bounded, and says what it found to an [Out]: alerts, which the [Engine] gives an id, holds back where they repeat
// one that stands, and puts in one order; and scores, which the ensemble turns into probabilities.
//
// The same records give the same alerts, byte for byte, whatever the number of shards, and however the records come in
// groups: detectors see every record in its order and close batches by packet time alone.
package detect
