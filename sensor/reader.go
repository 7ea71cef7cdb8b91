package sensor

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// batch is a block of frames on its way through all shards.
type batch struct {
	capture.Batch
	clocks  []int64      // by frame: the latest time in the input so far
	shards  [][]uint32   // by shard: its frames
	ordinal uint64       // place in the input of the first frame; those of the others follow
	places  []uint64     // by frame, where they do not follow; else nil
	next    uint64       // no later frame has a place before this
	clock   int64        // of the last frame
	busy    atomic.Int32 // shards that are not done with it
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
	err    error // why it ended before the end of the input

	clamped        uint64
	duplicates     uint64
	duplicateBytes uint64
}

// batchesAhead is how many batches there are: one being read, the others on their way.
const batchesAhead = 4

// newReader returns a reader that hands batches over to the shards.
func newReader(src capture.Source, shards int, opt Options) *reader {
	r := &reader{src: src, opt: opt, empty: make(chan *batch, batchesAhead), clock: flowtable.MinClock}
	for range shards {
		r.full = append(r.full, make(chan *batch, batchesAhead))
	}
	for range batchesAhead {
		r.empty <- newBatch(shards, opt.Config.Batch)
	}
	return r
}

// latest returns the input's clock at its end, once all batches were dealt.
func (r *reader) latest() int64 {
	if r.opt.Until == 0 {
		return r.clock
	}
	return min(max(r.clock, r.opt.Until), flowtable.MaxClock)
}

func newBatch(shards, frames int) *batch {
	b := &batch{shards: make([][]uint32, shards)}
	b.Frames = make([]capture.Frame, 0, frames)
	b.clocks = make([]int64, frames)
	for i := range b.shards {
		b.shards[i] = make([]uint32, 0, frames)
	}
	return b
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
	b.clock, b.next = r.clock, r.read
}

// place returns the place in the input of frame i.
func (b *batch) place(i uint32) uint64 {
	if b.places != nil {
		return b.places[i]
	}
	return b.ordinal + uint64(i)
}

// done takes a batch back that a shard has finished.
func (r *reader) done(b *batch) {
	if b.busy.Add(-1) == 0 {
		r.empty <- b
	}
}

// dealt is what one shard gets of a reader.
type dealt struct {
	*reader
	shard int
}

func (d dealt) next() (*batch, []uint32) {
	b, ok := <-d.full[d.shard]
	if !ok {
		return nil, nil
	}
	return b, b.shards[d.shard]
}
