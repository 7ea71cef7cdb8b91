package sensor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/detect"
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

	// Interest, where it is not nil, says what flow features anybody looks at; others need not be computed. nil: all of Flow's.
	Interest *flowtable.Interest

	Windows    features.Config   // what windows are made
	WindowSink output.WindowSink // where they go; nil: there are none

	// Detect, where it is not nil, judges flows and windows in the order in which they are written, on the goroutine that
	// writes. The run closes it. Windows are made for it also where WindowSink is nil.
	Detect *detect.Engine

	// LabelFlows and LabelWindows set the labels of what is about to be written, in the order in which it is written, on
	// one goroutine for both; nil: there are none.
	LabelFlows   func([]flowtable.Record)
	LabelWindows func([]features.Window)

	// Until is the packet time that Run takes for the end of the input where its last packet is earlier: flows that were
	// due by then end as such. 0: the last packet is the end.
	Until int64

	// Tick, where it is not nil, is called by the goroutine that writes to the sinks, several times a second in a live
	// run: no record or window due before clock will be written any more.
	Tick func(clock int64)

	Compile func(link uint16) (Matcher, error) // makes the filter for a link type; nil: everything passes
}

// wantsWindows says whether windows are made.
func (o *Options) wantsWindows() bool {
	return o.WindowSink != nil || o.Detect != nil && o.Detect.WatchesWindows()
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

// Run reads the source to its end, or until ctx is done, and writes the flow records to the sink in their order. It
// closes neither. Whatever was read before an error or the end of ctx is processed and accounted for in the ledger;
// the error is the source's (a *ReadError), the filter's, or the sink's.
func Run(ctx context.Context, src capture.Source, sink output.Sink, opt Options) (Ledger, error) {
	n := opt.Config.Goroutines()
	r := newReader(src, n, opt)
	p := newPipeline(ctx, opt, []*reader{r})
	for i := range n {
		p.start(i, n, dealt{r, i})
	}
	p.running.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("bug: reader: %v", p)
			}
		}()
		r.err = r.run(p.ctx)
	})
	return p.finish(sink)
}

// pipeline is a run: its shards, and the readers that feed them.
type pipeline struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	opt     Options
	readers []*reader
	shards  []*shard
	live    bool // the packets come as they are captured
	limit   int  // records that may wait for a shard that is behind; 0: any number
	results chan result
	asks    chan func() // to be called by the goroutine that writes
	running sync.WaitGroup
}

func newPipeline(ctx context.Context, opt Options, readers []*reader) *pipeline {
	p := &pipeline{opt: opt, readers: readers, asks: make(chan func())}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	return p
}

// start starts shard i of n.
func (p *pipeline) start(i, n int, feed feed) {
	if p.results == nil {
		p.results = make(chan result, handOvers*n)
	}
	s := newShard(i, n, p.opt, feed, p.results)
	p.shards = append(p.shards, s)
	p.running.Go(func() {
		defer s.rescue(p.cancel)
		s.run(p.cancel)
	})
}

// finish writes what the shards hand out until all have ended.
func (p *pipeline) finish(sink output.Sink) (Ledger, error) {
	defer p.cancel(nil)
	go func() {
		p.running.Wait()
		close(p.results)
	}()
	mergeErr := p.merge(sinks{sink, p.opt.WindowSink})
	ledger := newLedger()
	ledger.addDetection(p.opt.Detect)
	for _, s := range p.shards {
		ledger.add(s)
	}
	for _, r := range p.readers {
		ledger.addReader(r)
	}
	return ledger, p.err(mergeErr)
}

// err returns why the run ended, nil where nothing went wrong.
func (p *pipeline) err(mergeErr error) error {
	if mergeErr != nil {
		return mergeErr
	}
	for _, s := range p.shards {
		if s.broken {
			return context.Cause(p.ctx)
		}
	}
	if cause := context.Cause(p.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	for _, r := range p.readers {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

func newSeed() (seed [4]uint64) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	for i := range seed {
		seed[i] = binary.LittleEndian.Uint64(b[8*i:]) | 1
	}
	return seed
}
