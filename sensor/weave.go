package sensor

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/weir-sensor/weir/capture"
)

// woven is one live source of several, one for each interface.
//
// A goroutine for each strand reads it, and waits until the frames that it has read are used up, so that what cannot go on
// yet stays where it is, in the rings. The goroutine that reads the woven source copies the frames in their order.
type woven struct {
	strands []*strand
	settle  int64
	begun   bool
	left    int          // strands that have not ended
	err     error        // the first of a strand
	news    chan *strand // that have read; has room for all of them
	quit    chan struct{}
	running sync.WaitGroup
	close   sync.Once
}

// strand is one of the sources. The goroutine that reads it and that of the woven source own it in turn.
type strand struct {
	src   capture.Live
	iface uint16
	again chan struct{} // it may read again

	batch capture.Batch
	now   int64 // the source's clock before the latest Read
	err   error // of the latest Read

	// Of the woven source alone.
	next  int   // of the batch's frames
	ready bool  // the batch has frames left, which are ours
	bound int64 // no frame before this is to come, nor before 1970
}

// Weave makes one live source of several, which it owns from now on: their frames in the order of their times, each with
// the number of its source in Frame.Iface. Of each source the order stays as it is; of frames with the same time those of
// the first source come first.
//
// A frame waits until every other source has a later one, or its clock is settle, 500 ms at most, past the frame: so long
// may a frame take from its timestamp until it is read, and all clocks must be the same. While a source is quiet, the
// others have to keep what arrives within settle and its poll time.
//
// A source that fails interrupts the others; its error comes when all frames were read.
func Weave(sources []capture.Live, settle time.Duration) capture.Live {
	if len(sources) == 1 {
		return sources[0]
	}
	w := &woven{settle: int64(settle), left: len(sources), news: make(chan *strand, len(sources)), quit: make(chan struct{})}
	for i, src := range sources {
		w.strands = append(w.strands, &strand{src: src, iface: uint16(i), again: make(chan struct{}, 1)})
	}
	return w
}

// wovenBytes is after how many bytes a batch is full, so that its memory is bounded whatever the frames.
const wovenBytes = 1 << 20

// Read implements capture.Source.
func (w *woven) Read(b *capture.Batch) error {
	if !w.begun {
		w.begin(cap(b.Frames))
	}
	b.Frames, b.Data = b.Frames[:0], b.Data[:0]
	for len(w.news) > 0 {
		w.hear(<-w.news)
	}
	if w.take(b); len(b.Frames) == 0 && w.left > 0 {
		w.hear(<-w.news) // within the poll time of any
		w.take(b)
	}
	switch {
	case len(b.Frames) > 0:
		return nil
	case w.left > 0:
		return capture.ErrIdle
	case w.err != nil:
		return w.err
	}
	return io.EOF
}

// begin starts to read the strands, so many frames at a time.
func (w *woven) begin(frames int) {
	w.begun = true
	for _, s := range w.strands {
		s.batch.Frames = make([]capture.Frame, 0, frames)
		s.again <- struct{}{}
		w.running.Go(func() { s.run(w.news, w.quit) })
	}
}

// run reads until the end of the source.
func (s *strand) run(news chan<- *strand, quit <-chan struct{}) {
	defer func() {
		if p := recover(); p != nil {
			s.err = fmt.Errorf("bug: source %d: %v", s.iface, p)
			news <- s
		}
	}()
	for s.err == nil || errors.Is(s.err, capture.ErrIdle) {
		select {
		case <-s.again:
		case <-quit:
			return
		}
		s.now = s.src.Now() // before it looks
		s.err = s.src.Read(&s.batch)
		news <- s
	}
}

// hear takes what a strand has read.
func (w *woven) hear(s *strand) {
	switch {
	case s.err == nil:
		s.next, s.ready = 0, true
	case errors.Is(s.err, capture.ErrIdle):
		s.bound = max(s.bound, s.now-w.settle)
		s.again <- struct{}{}
	default:
		s.bound = math.MaxInt64
		w.left--
		if s.err != io.EOF {
			w.err = errors.Join(w.err, s.err)
			w.Interrupt()
		}
	}
}

// take moves frames to b, as many as there are and as it takes.
func (w *woven) take(b *capture.Batch) {
	for len(b.Frames) < cap(b.Frames) && len(b.Data) < wovenBytes {
		s := w.first()
		if s == nil {
			return
		}
		f := s.batch.Frames[s.next]
		data := s.batch.Bytes(s.next)
		f.Off, f.Iface = uint32(len(b.Data)), s.iface
		b.Data = append(b.Data, data...)
		b.Frames = append(b.Frames, f)
		if s.next++; s.next == len(s.batch.Frames) {
			s.bound, s.ready = max(s.bound, f.Time), false
			s.again <- struct{}{}
		}
	}
}

// first returns the strand with the earliest frame, nil where one that goes before it may still come.
func (w *woven) first() (first *strand) {
	for _, s := range w.strands {
		if s.ready && (first == nil || s.head() < first.head()) {
			first = s
		}
	}
	if first == nil {
		return nil
	}
	for _, s := range w.strands {
		if !s.ready && (s.bound < first.head() || s.bound == first.head() && s.iface < first.iface) {
			return nil
		}
	}
	return first
}

func (s *strand) head() int64 { return s.batch.Frames[s.next].Time }

// Now implements capture.Live: the time before which no frame will come, and settle.
func (w *woven) Now() int64 {
	now := int64(math.MaxInt64)
	for _, s := range w.strands {
		at := s.bound
		if s.ready {
			at = s.head()
		}
		now = min(now, at)
	}
	return now + w.settle
}

// Interrupt implements capture.Live.
func (w *woven) Interrupt() {
	for _, s := range w.strands {
		s.src.Interrupt()
	}
}

// Stats implements capture.Live: the sums over the sources, whose names are joined.
func (w *woven) Stats() (sum capture.Stats) {
	for i, s := range w.strands {
		stats := s.src.Stats()
		if i > 0 {
			sum.Interface += ","
		}
		sum.Interface += stats.Interface
		sum.Add(stats)
	}
	return sum
}

// Parts implements capture.Composed.
func (w *woven) Parts() []capture.Live {
	var parts []capture.Live
	for _, s := range w.strands {
		parts = append(parts, s.src)
	}
	return parts
}

// Close implements io.Closer. It waits for the sources' poll time where they were not read to their end.
func (w *woven) Close() (err error) {
	w.close.Do(func() {
		close(w.quit)
		w.running.Wait()
		for _, s := range w.strands {
			err = errors.Join(err, s.src.Close())
		}
	})
	return err
}
