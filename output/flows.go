package output

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/weir-sensor/weir/flowtable"
)

// Format is a text format of records.
type Format uint8

// The formats.
const (
	NDJSON Format = iota // one JSON object per line
	CSV                  // RFC 4180 with a header line; lines end in a line feed
)

// String returns the format's name, which is also the extension of its files.
func (f Format) String() string { return [...]string{"ndjson", "csv"}[f] }

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	for f := NDJSON; f <= CSV; f++ {
		if name == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("parse format: got %q, want ndjson or csv", name)
}

// chunkRecords is how many records are formatted and written at once: about 200 kB of NDJSON, which stays in a
// core's cache between the two.
const chunkRecords = 256

// Flows is the Sink that writes flow records as text.
//
// Records are copied into chunks, which form a ring and are used in turn. With one worker a chunk is formatted and
// written by the caller when it is full. With several, that many goroutines of the sink's own take full chunks from a
// channel; each formats its chunk, waits until the chunk before it is written, writes its own, and passes the turn on.
// So the bytes are the same with any number of workers, memory is that of the ring, and a slow target stops the
// caller. The goroutines end in Close or Abort.
type Flows struct {
	target  Target
	format  func(*Encoder, []byte, *flowtable.Record) []byte
	current *chunk // being filled by the caller
	work    chan *chunk
	workers sync.WaitGroup
	own     Encoder // with one worker
	closed  bool

	// stop says that nothing more is to be written. err says why; it is set before stop, by whoever has the turn.
	stop atomic.Bool
	err  error
}

var _ Sink = (*Flows)(nil)

// chunk is some records and their text. One goroutine has it at a time: the caller, from free until it is sent to
// work, and then a worker.
type chunk struct {
	records []flowtable.Record
	text    []byte
	next    *chunk
	free    chan struct{} // holds a token while nobody has the chunk
	turn    chan struct{} // holds a token once the chunk before is written
}

// NewFlows returns a sink that writes to target, which it owns from now on, with the given number of workers: 1 is the
// caller itself.
func NewFlows(target Target, format Format, workers int) *Flows {
	s := &Flows{target: target, format: (*Encoder).AppendNDJSON}
	chunks := 1
	if workers > 1 {
		chunks = 2 * workers
	}
	ring := newRing(chunks)
	s.current = &ring[0]
	<-s.current.free
	s.current.turn <- struct{}{}
	if format == CSV {
		s.format = (*Encoder).AppendCSV
		s.current.text = AppendCSVHeader(s.current.text)
	}
	if workers > 1 {
		s.work = make(chan *chunk, len(ring))
		for range workers {
			s.workers.Go(s.run)
		}
	}
	return s
}

func newRing(n int) []chunk {
	ring := make([]chunk, n)
	for i := range ring {
		ring[i] = chunk{
			records: make([]flowtable.Record, 0, chunkRecords),
			next:    &ring[(i+1)%n],
			free:    make(chan struct{}, 1),
			turn:    make(chan struct{}, 1),
		}
		ring[i].free <- struct{}{}
	}
	return ring
}

// Flows implements Sink.
func (s *Flows) Flows(records []flowtable.Record) error {
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
func (s *Flows) Flush() error {
	if err := s.failed(); err != nil {
		return err
	}
	if len(s.current.records) > 0 || len(s.current.text) > 0 {
		s.hand()
	}
	return s.failed()
}

// Close implements Sink.
func (s *Flows) Close() error {
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
func (s *Flows) Abort() error {
	if s.closed {
		return nil
	}
	s.stop.Store(true)
	s.end()
	return s.target.Abort()
}

// end waits for the workers, after what they have in hand.
func (s *Flows) end() {
	s.closed = true
	if s.work != nil {
		close(s.work)
		s.workers.Wait()
	}
}

var errClosed = errors.New("write flows: the sink is closed")

// failed returns the error after which nothing is written.
func (s *Flows) failed() error {
	switch {
	case s.stop.Load() && s.err != nil:
		return s.err
	case s.closed:
		return errClosed
	}
	return nil
}

// hand gives the current chunk to the workers, and waits for the next one to be free.
func (s *Flows) hand() {
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
func (s *Flows) run() {
	var e Encoder
	for c := range s.work {
		s.process(c, &e)
	}
}

// process formats a chunk, writes it when its turn has come, and frees it.
func (s *Flows) process(c *chunk, e *Encoder) {
	err := s.formatAll(c, e)
	<-c.turn
	if !s.stop.Load() {
		if err == nil {
			err = write(s.target, c.text)
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
func (s *Flows) formatAll(c *chunk, e *Encoder) (err error) {
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

func write(w io.Writer, text []byte) error {
	n, err := w.Write(text)
	if err == nil && n < len(text) {
		return io.ErrShortWrite
	}
	return err
}
