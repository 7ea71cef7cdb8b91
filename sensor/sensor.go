package sensor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/packet"
)

// Matcher says whether a frame passes a filter. One goroutine uses it.
type Matcher interface {
	Match(frame []byte, wire uint32) bool
}

// Options are what a run needs besides its source and its sink.
type Options struct {
	Config Config
	Flow   flowtable.Config
	Decode packet.Options
	Dedup  bool // drop second copies, see dedup.go
	Prompt bool // flush the sinks whenever there is nothing more at hand

	Windows    features.Config   // what windows are made
	WindowSink output.WindowSink // where they go; nil: there are none

	// LabelFlows and LabelWindows set the labels of what is about to be written, in the order in which it is written, on
	// one goroutine for both; nil: there are none.
	LabelFlows   func([]flowtable.Record)
	LabelWindows func([]features.Window)

	Compile func(link uint16) (Matcher, error) // makes the filter for a link type; nil: everything passes
}

// sinks are where the merger writes to.
type sinks struct {
	flows   output.Sink
	windows output.WindowSink // nil: there are no windows
}

func (s sinks) flush() error {
	if err := s.flows.Flush(); err != nil || s.windows == nil {
		return err
	}
	return s.windows.Flush()
}

// ReadError is the source's error: everything read before it was processed and written.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return "read packets: " + e.Err.Error() }

// Unwrap returns the source's error.
func (e *ReadError) Unwrap() error { return e.Err }

// batch is a block of frames on its way through all shards.
type batch struct {
	capture.Batch
	clocks  []int64    // by frame: the latest time in the input so far
	shards  [][]uint32 // by shard: its frames
	ordinal uint64     // of the first frame
	clock   int64      // of the last frame
	busy    atomic.Int32
}

// Run reads the source to its end, or until ctx is done, and writes the flow records to the sink in their order. It
// closes neither. Whatever was read before an error or the end of ctx is processed and accounted for in the ledger;
// the error is the source's (a *ReadError), the filter's, or the sink's.
func Run(ctx context.Context, src capture.Source, sink output.Sink, opt Options) (Ledger, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n := opt.Config.Goroutines()
	r := newReader(src, n, opt)
	results := make(chan result, 2*n)
	shards := make([]*shard, n)
	var running sync.WaitGroup
	for i := range shards {
		shards[i] = newShard(i, n, opt, r, results)
		running.Go(func() {
			defer shards[i].rescue(cancel)
			shards[i].run(cancel)
		})
	}
	var readErr error
	running.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				readErr = fmt.Errorf("bug: reader: %v", p)
			}
		}()
		readErr = r.run(ctx)
	})
	go func() {
		running.Wait()
		close(results)
	}()
	mergeErr := merge(results, n, sinks{sink, opt.WindowSink}, opt, cancel)
	ledger := Ledger{Malformed: map[string]uint64{}, Flows: FlowLedger{Written: map[string]uint64{}}}
	for _, s := range shards {
		ledger.add(&s.counts, s.table)
		if s.windows != nil {
			ledger.addWindows(s.windows.windower)
		}
	}
	ledger.Packets += r.duplicates
	ledger.WireBytes += r.duplicateBytes
	ledger.Duplicate = r.duplicates
	ledger.Clamped = r.clamped
	if mergeErr != nil {
		return ledger, mergeErr
	}
	for _, s := range shards {
		if s.broken {
			return ledger, context.Cause(ctx)
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return ledger, cause
	}
	return ledger, readErr
}

// reader fills batches and deals their frames out to the shards.
type reader struct {
	src    capture.Source
	opt    Options
	empty  chan *batch
	full   []chan *batch // by shard
	clock  int64
	read   uint64 // frames
	recent recent

	clamped        uint64
	duplicates     uint64
	duplicateBytes uint64
}

// batchesAhead is how many batches there are: one being read, the others on their way.
const batchesAhead = 4

func newReader(src capture.Source, shards int, opt Options) *reader {
	r := &reader{src: src, opt: opt, empty: make(chan *batch, batchesAhead), clock: flowtable.MinClock}
	for range shards {
		r.full = append(r.full, make(chan *batch, batchesAhead))
	}
	for range batchesAhead {
		b := &batch{shards: make([][]uint32, shards)}
		b.Frames = make([]capture.Frame, 0, opt.Config.Batch)
		b.clocks = make([]int64, opt.Config.Batch)
		for i := range b.shards {
			b.shards[i] = make([]uint32, 0, opt.Config.Batch)
		}
		r.empty <- b
	}
	return r
}

// run reads until the end, an error or the end of ctx.
func (r *reader) run(ctx context.Context) error {
	defer func() {
		for _, c := range r.full {
			close(c)
		}
	}()
	for ctx.Err() == nil {
		b := <-r.empty
		err := r.src.Read(&b.Batch)
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, capture.ErrIdle) {
			r.empty <- b
			continue
		}
		if err != nil {
			return &ReadError{err}
		}
		r.deal(b)
		b.busy.Store(int32(len(r.full)))
		for _, c := range r.full {
			c <- b
		}
	}
	return nil
}

// deal sets the clock of each frame and gives it to the shard of its host pair.
func (r *reader) deal(b *batch) {
	b.ordinal = r.read
	r.read += uint64(len(b.Frames))
	for i := range b.shards {
		b.shards[i] = b.shards[i][:0]
	}
	n := uint64(len(b.shards))
	for i := range b.Frames {
		f := &b.Frames[i]
		if f.Time < flowtable.MinClock || f.Time > flowtable.MaxClock {
			f.Time = min(max(f.Time, flowtable.MinClock), flowtable.MaxClock)
			r.clamped++
		}
		r.clock = max(r.clock, f.Time)
		b.clocks[i] = r.clock
		if r.opt.Dedup && r.recent.seen(f, b.Bytes(i)) {
			r.duplicates++
			r.duplicateBytes += uint64(f.Wire)
			continue
		}
		s := uint64(0)
		if n > 1 {
			s = uint64(packet.PairHash(f.Link, b.Bytes(i), f.Wire, r.opt.Decode)) * n >> 32
		}
		b.shards[s] = append(b.shards[s], uint32(i))
	}
	b.clock = r.clock
}

// done takes a batch back that a shard has finished.
func (r *reader) done(b *batch) {
	if b.busy.Add(-1) == 0 {
		r.empty <- b
	}
}

func newSeed() (seed [4]uint64) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	for i := range seed {
		seed[i] = binary.LittleEndian.Uint64(b[8*i:]) | 1
	}
	return seed
}
