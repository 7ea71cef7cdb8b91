package output

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// chunkRecords is how many records are formatted and written at once: about 200 kB of NDJSON, which stays in a
// core's cache between the two.
const chunkRecords = 256

// writer writes records of one kind as text.
//
// Records are copied into chunks, which form a ring and are used in turn. With one worker a chunk is formatted and
// written by the caller when it is full. With several, that many goroutines of the sink's own take full chunks from a
// channel; each formats its chunk, waits until the chunk before it is written, writes its own, and passes the turn on.
// So the bytes are the same with any number of workers, memory is that of the ring, and a slow target stops the
// caller. The goroutines end in Close or Abort.
type writer[T any] struct {
	target  Target
	format  func(*encoder, []byte, *T) []byte
	current *chunk[T] // being filled by the caller
	work    chan *chunk[T]
	workers sync.WaitGroup
	own     encoder // with one worker
	closed  bool

	// stop says that nothing more is to be written. err says why; it is set before stop, by whoever has the turn.
	stop atomic.Bool
	err  error
}

// chunk is some records and their text. One goroutine has it at a time: the caller, from free until it is sent to
// work, and then a worker.
type chunk[T any] struct {
	records []T
	text    []byte
	next    *chunk[T]
	free    chan struct{} // holds a token while nobody has the chunk
	turn    chan struct{} // holds a token once the chunk before is written
}

// newWriter returns a writer to target, which it owns from now on. The text begins with header. With one worker that is
// the caller itself.
func newWriter[T any](target Target, header []byte, format func(*encoder, []byte, *T) []byte, workers int) *writer[T] {
	s := &writer[T]{target: target, format: format}
	chunks := 1
	if workers > 1 {
		chunks = 2 * workers
	}
	ring := newRing[T](chunks)
	s.current = &ring[0]
	<-s.current.free
	s.current.turn <- struct{}{}
	s.current.text = append(s.current.text, header...)
	if workers > 1 {
		s.work = make(chan *chunk[T], len(ring))
		for range workers {
			s.workers.Go(s.run)
		}
	}
	return s
}

func newRing[T any](n int) []chunk[T] {
	ring := make([]chunk[T], n)
	for i := range ring {
		ring[i] = chunk[T]{
			records: make([]T, 0, chunkRecords),
			next:    &ring[(i+1)%n],
			free:    make(chan struct{}, 1),
			turn:    make(chan struct{}, 1),
		}
		ring[i].free <- struct{}{}
	}
	return ring
}

// write accepts records; see Sink.Flows.
func (s *writer[T]) write(records []T) error {
	for len(records) > 0 {
		if err := s.failed(); err != nil {
			return err
		}
		c := s.current
		n := min(len(records), chunkRecords-len(c.records))
		c.records = append(c.records, records[:n]...)
		records = records[n:]
		if len(c.records) == chunkRecords {
			s.hand()
		}
	}
	return s.failed()
}

// Flush implements Sink.
func (s *writer[T]) Flush() error {
	if err := s.failed(); err != nil {
		return err
	}
	if len(s.current.records) > 0 || len(s.current.text) > 0 {
		s.hand()
	}
	return s.failed()
}

// Close implements Sink.
func (s *writer[T]) Close() error {
	if s.closed {
		return nil
	}
	_ = s.Flush() // its error is in err, below
	s.end()
	if s.err != nil {
		return errors.Join(s.err, s.target.Abort())
	}
	return s.target.Close()
}

// Abort implements Sink.
func (s *writer[T]) Abort() error {
	if s.closed {
		return nil
	}
	s.stop.Store(true)
	s.end()
	return s.target.Abort()
}

// end waits for the workers, after what they have in hand.
func (s *writer[T]) end() {
	s.closed = true
	if s.work != nil {
		close(s.work)
		s.workers.Wait()
	}
}

var errClosed = errors.New("write records: the sink is closed")

// failed returns the error after which nothing is written.
func (s *writer[T]) failed() error {
	switch {
	case s.stop.Load() && s.err != nil:
		return s.err
	case s.closed:
		return errClosed
	}
	return nil
}

// hand gives the current chunk to the workers, and waits for the next one to be free.
func (s *writer[T]) hand() {
	c := s.current
	if s.work != nil {
		s.work <- c
	} else {
		s.process(c, &s.own)
	}
	s.current = c.next
	<-s.current.free
}

// run is a worker's goroutine.
func (s *writer[T]) run() {
	var e encoder
	for c := range s.work {
		s.process(c, &e)
	}
}

// process formats a chunk, writes it when its turn has come, and frees it.
func (s *writer[T]) process(c *chunk[T], e *encoder) {
	err := s.formatAll(c, e)
	<-c.turn
	if !s.stop.Load() {
		if err == nil {
			err = writeAll(s.target, c.text)
		}
		if err != nil {
			s.err = err
			s.stop.Store(true)
		}
	}
	c.records, c.text = c.records[:0], c.text[:0]
	c.next.turn <- struct{}{}
	c.free <- struct{}{}
}

// formatAll fills in the chunk's text. A panic is an error here: nobody else could report it from a worker.
func (s *writer[T]) formatAll(c *chunk[T], e *encoder) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("bug: format records: %v", p)
		}
	}()
	if s.stop.Load() {
		return nil
	}
	for i := range c.records {
		c.text = s.format(e, c.text, &c.records[i])
	}
	return nil
}

func writeAll(w io.Writer, text []byte) error {
	n, err := w.Write(text)
	if err == nil && n < len(text) {
		return io.ErrShortWrite
	}
	return err
}
