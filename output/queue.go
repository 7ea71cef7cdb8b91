package output

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Status says what became of the records given to a queue. At any time Offered = Waiting + Open + Written + Full + Failed.
type Status struct {
	Offered uint64
	Waiting uint64 // in the queue
	Open    uint64 // in the file that is being written
	Written uint64 // in complete files, or given to the stream
	Full    uint64 // lost: the queue was full
	Failed  uint64 // lost: taken, but not written by the end, or the file vanished
	Files   uint64 // complete files

	Stuck   bool  // it is waiting for an output that does not take records: a full disk, a directory that is not there
	Problem error // what went wrong last; nil: nothing so far
}

// store is where a queue's records go. The queue's goroutine alone uses it.
type store[T any] interface {
	// put takes records, which are borrowed until it returns, in their order, and says how many it took: fewer
	// where it is stuck. After an error it is only closed; the records that it did not take are lost then.
	put(records []T) (int, error)

	// configure takes over another configuration, as far as it concerns the store; see queue.Configure.
	configure(cfg Config)

	// tick tells the time: see queue.Tick. All records offered before were put.
	tick(clock int64, up time.Duration)

	// close completes what can be completed, and says why not everything could be.
	close() error

	// books returns the store's part of the status: all but Offered, Waiting and Full.
	books() Status
}

// queue stands before a sink that may be slow, or stuck: it takes records without waiting, and a goroutine of its own
// hands them on. When it is full it drops the newest. The goroutine ends in Close or Abort.
type queue[T any] struct {
	name string        // for errors
	wake chan struct{} // has a token when there is something to do
	done chan struct{} // closed when the goroutine has ended
	room chan struct{} // has a token when the goroutine may have made room

	mu       sync.Mutex
	capacity int // records
	flush    time.Duration
	waiting  []T
	held     int    // records that the goroutine has taken from waiting and not handed on
	status   Status // but for Waiting
	clock    int64
	up       time.Duration
	flushed  time.Duration   // up, when it was last due
	patient  context.Context // until it is done, offers wait for room; nil: they do not
	config   *Config         // for the store, which has not got it; nil: there is no other
	closing  bool
	drop     bool // without what is waiting
	over     bool // the books are closed
	err      error

	// The goroutine's own.
	store store[T]
	hand  []T // what it has taken
	next  int // of hand: the first that was not handed on
}

// newQueue returns a queue before the store, which it owns from now on.
func newQueue[T any](name string, to store[T], cfg Config) *queue[T] {
	q := &queue[T]{
		name: name, capacity: cfg.Queue, flush: cfg.Flush, store: to,
		wake: make(chan struct{}, 1), done: make(chan struct{}), room: make(chan struct{}, 1),
	}
	go q.run()
	return q
}

// offer accepts records, see Sink.Flows: those that do not fit are counted as lost. Its error is one after which the sink
// takes nothing more, never that a disk is full.
func (q *queue[T]) offer(records []T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.err != nil:
			return q.err
		case q.closing:
			return errClosed
		}
		n := min(len(records), max(0, q.capacity-q.held-len(q.waiting))) // it may hold more than a capacity made smaller
		q.waiting = append(q.waiting, records[:n]...)
		q.status.Offered += uint64(n)
		records = records[n:]
		if len(q.waiting) >= min(chunkRecords, q.capacity) && !q.status.Stuck {
			q.kick()
		}
		if len(records) == 0 {
			return nil
		}
		if q.patient == nil || q.patient.Err() != nil || q.status.Stuck {
			q.status.Offered += uint64(len(records))
			q.status.Full += uint64(len(records))
			return nil
		}
		q.waitForRoom(q.patient)
	}
}

// waitForRoom waits until the goroutine has handed something on, or has ended, or ctx is done. q.mu is held before and
// after.
func (q *queue[T]) waitForRoom(ctx context.Context) {
	q.kick()
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-q.room:
	case <-q.done:
	case <-ctx.Done():
	}
}

// Wait makes whoever offers records wait for room from now on, until ctx is done, unless the output is stuck: the end of a run
// comes with more records at a time than fit, and with no packets to lose meanwhile. Any goroutine may call it.
func (q *queue[T]) Wait(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.patient = ctx
}

// kick wakes the goroutine. Where the store is stuck, that means to try again.
func (q *queue[T]) kick() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Flush implements Sink: what was accepted is handed on now, unless the output is stuck, which waits for a Tick.
func (q *queue[T]) Flush() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.status.Stuck {
		q.kick()
	}
	return q.err
}

// Tick tells the queue the time, without waiting; it is called several times in each Config.Flush. clock is packet time,
// nanoseconds since the epoch: no record due before it will be offered any more. up is the time since any fixed
// moment, by a clock that is never set. Files whose time is over are completed, and a stuck output is tried again.
func (q *queue[T]) Tick(clock int64, up time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clock, q.up = clock, up
	if up-q.flushed >= q.flush {
		q.flushed = up
		q.kick()
	}
}

// Configure takes over another configuration, which must be valid: Rotate, Queue, Flush and Sync. Records that were
// accepted stay, also where they are more than the new capacity. The file being written ends with the stretch, by the new
// Rotate, of its latest record. Any goroutine may call it.
func (q *queue[T]) Configure(cfg Config) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.capacity, q.flush, q.config = cfg.Queue, cfg.Flush, &cfg
}

// Status returns the books. Any goroutine may call it, at any time.
func (q *queue[T]) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.status
	s.Waiting = uint64(q.held + len(q.waiting))
	return s
}

// Close implements Sink. It waits for the output, however long that takes; see Shutdown.
func (q *queue[T]) Close() error { return q.end(context.Background(), false) }

// Abort implements Sink: what is waiting in the queue is dropped, and counted. A file is completed with the records that
// it has, for what a live run has seen nobody can see again.
func (q *queue[T]) Abort() error { return q.end(context.Background(), true) }

// Shutdown closes the sink as Close does, but gives up when ctx is done: what was not in a complete file by then is
// counted as lost, and the goroutine is left to the write that it is in. Its error says what could not be written.
func (q *queue[T]) Shutdown(ctx context.Context) error { return q.end(ctx, false) }

func (q *queue[T]) end(ctx context.Context, drop bool) error {
	q.mu.Lock()
	if q.closing {
		q.mu.Unlock()
		return nil
	}
	q.closing, q.drop = true, drop
	q.kick()
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.over {
		lost := uint64(q.held+len(q.waiting)) + q.status.Open
		q.giveUp()
		q.status.Failed, q.status.Open = q.status.Failed+q.status.Open, 0
		q.err = fmt.Errorf("close %s: %d records not written: %w", q.name, lost, context.Cause(ctx))
		q.status.Problem = q.err
	}
	return q.err
}

// giveUp closes the books: what is waiting is lost. q.mu is held.
func (q *queue[T]) giveUp() {
	q.over = true
	q.status.Failed += uint64(q.held + len(q.waiting))
	q.held, q.waiting = 0, nil
}

// run is the goroutine.
func (q *queue[T]) run() {
	defer close(q.done)
	for range q.wake {
		if !q.work() {
			return
		}
	}
}

// work hands on what there is. It says whether the goroutine is to go on.
func (q *queue[T]) work() bool {
	q.mu.Lock()
	clock, up, closing, drop, cfg := q.clock, q.up, q.closing, q.drop, q.config
	q.config = nil
	q.mu.Unlock()
	if cfg != nil {
		q.store.configure(*cfg)
	}
	var err error
	if !drop {
		err = q.handOn()
	}
	if closing || err != nil {
		q.finish(err)
		return false
	}
	if q.next == len(q.hand) { // everything offered before the tick was put
		q.store.tick(clock, up)
	}
	return q.settle(0)
}

// handOn gives the store what is waiting, until that is everything or the store is stuck.
func (q *queue[T]) handOn() error {
	for q.refill() {
		some := q.hand[q.next:min(q.next+chunkRecords, len(q.hand))]
		n, err := q.store.put(some)
		clear(some[:n]) // what they point to is needed no more
		q.next += n
		if !q.settle(n) || err != nil || n < len(some) {
			return err
		}
	}
	return nil
}

// refill takes what is waiting, unless the hand has some left. It says whether it has.
func (q *queue[T]) refill() bool {
	if q.next < len(q.hand) {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hand, q.waiting = q.waiting, q.hand[:0]
	q.next, q.held = 0, len(q.hand)
	return q.held > 0
}

// settle books that n more records were put, and what became of all. It says whether the books are still open.
func (q *queue[T]) settle(n int) bool {
	b := q.store.books()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return false
	}
	q.held -= n
	b.Offered, b.Full = q.status.Offered, q.status.Full
	q.status = b
	select {
	case q.room <- struct{}{}:
	default:
	}
	return true
}

// finish closes the store, after its error if there was one.
func (q *queue[T]) finish(err error) {
	closeErr := q.store.close()
	if !q.settle(0) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil {
		err = closeErr
	}
	q.err = err
	if err != nil {
		q.status.Problem = err
	}
	q.status.Stuck = false
	q.giveUp()
}
