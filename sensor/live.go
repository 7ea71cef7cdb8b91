package sensor

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

// settleTime is how far packet time stays behind the clock while nothing arrives: a packet may have been stamped this
// long before it can be read.
const settleTime = 500 * time.Millisecond

// Live is a run on live sources. Each has a shard of its own, which does everything from the frame to the flow on one
// goroutine; so packets of one host pair must all come from one source.
type Live struct {
	pipeline *pipeline
	sources  []capture.Live
	ended    chan struct{} // closed when ledger and err are there
	ledger   Ledger
	err      error
}

// StartLive begins to read the sources and to write flow records to the sink in their order. It closes neither. When ctx
// is done, or a source, the filter or the sink has failed, it interrupts all sources; the run ends when every one of them
// has said io.EOF. A sink that blocks makes the sources lose packets.
func StartLive(ctx context.Context, sources []capture.Live, sink output.Sink, opt Options) *Live {
	var readers []*reader
	for _, src := range sources {
		readers = append(readers, &reader{src: src, opt: opt, clock: flowtable.MinClock})
	}
	l := &Live{pipeline: newPipeline(ctx, opt, readers), sources: sources, ended: make(chan struct{})}
	l.pipeline.live, l.pipeline.limit = true, maxWaiting
	end := &end{clock: flowtable.MinClock}
	end.left.Add(len(sources))
	for i, src := range sources {
		l.pipeline.start(i, len(sources), &ring{reader: readers[i], src: src, cancel: l.pipeline.cancel,
			batch: liveBatch(min(opt.Config.Batch, maxLiveBatch)), idle: flowtable.MinClock, end: end})
	}
	context.AfterFunc(l.pipeline.ctx, func() {
		for _, src := range sources {
			src.Interrupt()
		}
	})
	go func() {
		defer close(l.ended)
		l.ledger, l.err = l.pipeline.finish(sink)
		l.ledger.Capture = captureLedger(l.sources, l.pipeline.readers)
		l.ledger.Capture.Until = end.clock
	}()
	return l
}

// Done is closed when the run has ended.
func (l *Live) Done() <-chan struct{} { return l.ended }

// Stopping is closed when the run begins to end: its context is done, or something has failed.
func (l *Live) Stopping() <-chan struct{} { return l.pipeline.ctx.Done() }

// Wait waits for the end of the run and returns its ledger, and why it ended where that was not on request: a *ReadError,
// the filter's error, or the sink's.
func (l *Live) Wait() (Ledger, error) {
	<-l.ended
	return l.ledger, l.err
}

// Ledger returns the ledger as it is now. It adds up once every shard has answered, between two batches; it waits for
// the end of the run where that has begun. Any goroutine may call it.
func (l *Live) Ledger() Ledger {
	ledger := newLedger()
	var mu sync.Mutex
	var answers sync.WaitGroup
	for i, s := range l.pipeline.shards {
		answers.Add(1)
		tell := func() {
			mu.Lock()
			defer mu.Unlock()
			ledger.add(s)
			ledger.addReader(l.pipeline.readers[i])
			answers.Done()
		}
		select {
		case s.asks <- tell:
		case <-l.ended:
			return l.ledger
		}
	}
	answers.Wait()
	l.Detection(ledger.addDetection)
	ledger.Capture = captureLedger(l.sources, nil)
	return ledger
}

// Detection calls f with the engine that judges, nil where there is none, while the engine does nothing else. Any goroutine
// may call it.
func (l *Live) Detection(f func(*detect.Engine)) {
	done := make(chan struct{})
	select {
	case l.pipeline.asks <- func() { f(l.pipeline.opt.Detect); close(done) }:
		<-done
	case <-l.ended:
		f(l.pipeline.opt.Detect)
	}
}

// maxLiveBatch is so small that the packets of a batch are still in the second-level cache, where looking for their
// boundaries has brought them, when they are decoded.
const maxLiveBatch = 128

func liveBatch(frames int) *batch {
	b := newBatch(1, frames)
	b.places = make([]uint64, 0, frames)
	return b
}

// ring feeds a shard from a live source.
type ring struct {
	*reader
	src    capture.Live
	cancel context.CancelCauseFunc // ends the whole run
	batch  *batch
	idle   int64  // how far packet time went while nothing arrived
	last   uint64 // the latest frame's place
	ended  bool
	end    *end
}

// end is where rings that have ended wait for each other, for the end of the input is where the last packet was.
type end struct {
	mu    sync.Mutex
	clock int64
	left  sync.WaitGroup // rings that have not ended
}

func (e *end) reach(clock int64) {
	e.mu.Lock()
	e.clock = max(e.clock, clock)
	e.mu.Unlock()
	e.left.Done()
}

// next returns the source's next frames, or a batch without any, whose clock has gone on, when nothing arrived.
func (r *ring) next() (*batch, []uint32) {
	b, now := r.batch, r.src.Now() // what was stamped long enough before is there when it looks
	err := r.src.Read(&b.Batch)
	switch {
	case err == nil:
		r.deal(b)
		r.order(b)
		b.clock = max(b.clock, r.idle)
	case errors.Is(err, capture.ErrIdle):
		r.idle = max(r.idle, r.clock, now-int64(settleTime))
		b.Frames, b.shards[0] = b.Frames[:0], b.shards[0][:0]
		b.clock, b.next = r.idle, max(r.last+1, place(r.idle))
	default:
		if err != io.EOF {
			r.err = &ReadError{err}
			r.cancel(r.err)
		}
		if !r.ended {
			r.ended = true
			r.end.reach(max(r.clock, r.idle))
		}
		return nil, nil
	}
	return b, b.shards[0]
}

// order gives the frames their places in the input of all rings, which is in the order of their clocks: the order that
// they would have in a file.
func (r *ring) order(b *batch) {
	b.places = b.places[:0]
	for _, clock := range b.clocks[:len(b.Frames)] {
		r.last = max(r.last+1, place(clock))
		b.places = append(b.places, r.last)
	}
	b.next = r.last + 1
}

// place returns the first place in the input of a frame at the clock.
func place(clock int64) uint64 { return uint64(clock - flowtable.MinClock) }

func (r *ring) done(*batch) {}

// latest returns the clock at the end of all rings: that of the packets, or how far it went on without them.
func (r *ring) latest() int64 {
	r.end.left.Wait()
	return r.end.clock
}
