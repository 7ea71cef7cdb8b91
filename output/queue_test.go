package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/flowtable"
)

// gate is a store that takes as many records as it is allowed to, and remembers which.
type gate struct {
	room   int
	puts   int
	got    []uint64 // ids
	ticks  []int64
	closed bool
	sizes  []int         // of the queue, as it was told
	block  chan struct{} // put waits for it; nil: it does not
	err    error
	status Status
}

func (g *gate) put(records []flowtable.Record) (int, error) {
	if g.block != nil {
		<-g.block
	}
	g.puts++
	n := min(len(records), g.room)
	for i := range records[:n] {
		g.got = append(g.got, records[i].ID)
	}
	g.room -= n
	g.status.Open += uint64(n)
	g.status.Stuck = n < len(records)
	return n, g.err
}

func (g *gate) tick(clock int64, _ time.Duration) { g.ticks = append(g.ticks, clock) }
func (g *gate) configure(cfg Config)              { g.sizes = append(g.sizes, cfg.Queue) }
func (g *gate) books() Status                     { return g.status }
func (g *gate) close() error {
	g.closed = true
	g.status.Written, g.status.Open = g.status.Open, 0
	return nil
}

func newGate(capacity int, g *gate) FlowQueue {
	return FlowQueue{newQueue[flowtable.Record]("flows", g, Config{Queue: capacity, Flush: time.Second})}
}

func ids(records []flowtable.Record) (all []uint64) {
	for i := range records {
		all = append(all, records[i].ID)
	}
	return all
}

// queueStep is something that happens to a queue.
type queueStep struct {
	capacity int // from now on; 0: as before
	records  int
	tick     bool
	room     int // of the store, with the tick
}

// The books against a plain model: a list that has a capacity, and a store that takes so many.
func TestQueueAgainstModel(t *testing.T) {
	step := rapid.Custom(func(t *rapid.T) queueStep {
		return queueStep{
			rapid.SampledFrom([]int{0, 0, 0, 1, 100, 600}).Draw(t, "capacity"), rapid.IntRange(0, 500).Draw(t, "records"), rapid.Bool().Draw(t, "tick"),
			rapid.SampledFrom([]int{0, 1, 300, 10_000}).Draw(t, "room"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		capacity := rapid.IntRange(1, 600).Draw(rt, "capacity")
		steps := rapid.SliceOfN(step, 1, 30).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(*testing.T) { err = runQueue(capacity, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// runQueue is the model. It works inside a bubble.
func runQueue(capacity int, steps []queueStep) error {
	g := &gate{}
	q := newGate(capacity, g)
	defer q.Abort()
	records := flood(500)
	var waiting, passed []uint64
	var want Status
	now := time.Duration(0)
	for i, step := range steps {
		if step.capacity > 0 {
			capacity = step.capacity
			q.Configure(Config{Queue: capacity, Flush: time.Second})
		}
		lent := slices.Clone(records[:step.records])
		if err := q.Flows(lent); err != nil {
			return err
		}
		clear(lent) // it must not have been kept
		fits := min(step.records, max(0, capacity-len(waiting)))
		waiting = append(waiting, ids(records[:fits])...)
		want.Offered += uint64(step.records)
		want.Full += uint64(step.records - fits)
		synctest.Wait() // a group that was full has met a store without room
		if step.tick {
			g.room = step.room
			now += time.Second
			q.Tick(0, now)
			synctest.Wait()
			n := min(step.room, len(waiting))
			passed, waiting = append(passed, waiting[:n]...), waiting[n:]
			g.room = 0
		}
		got := q.Status()
		want.Waiting, want.Open, want.Stuck = uint64(len(waiting)), uint64(len(passed)), got.Stuck
		if got != want || got.Offered != got.Waiting+got.Open+got.Written+got.Full+got.Failed || !slices.Equal(g.got, passed) {
			return fmt.Errorf("step %d: got %+v and %d records passed, want %+v and %d", i, got, len(g.got), want, len(passed))
		}
	}
	g.room = 100
	n := min(100, len(waiting))
	passed = append(passed, waiting[:n]...)
	if err := q.Close(); err != nil {
		return err
	}
	want.Written, want.Failed, want.Waiting, want.Open, want.Stuck = uint64(len(passed)), uint64(len(waiting)-n), 0, 0, false
	if got := q.Status(); got != want || !slices.Equal(g.got, passed) || !g.closed {
		return fmt.Errorf("at the end: got %+v, want %+v", got, want)
	}
	if err := q.Flows(records[:1]); err == nil {
		return errors.New("it takes records after Close")
	}
	return nil
}

// A record waits for others up to the flush interval, and no longer; a full group does not wait.
func TestQueueFlushInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := openDir(t, t.TempDir())
		defer dir.Close()
		cfg := DefaultConfig()
		cfg.Flush = 500 * time.Millisecond
		q := Live{Config: cfg, Dir: dir}.FlowFiles(Columns{})
		written := func() uint64 {
			synctest.Wait()
			return q.Status().Open
		}
		records := flood(chunkRecords)
		steps := []struct {
			records int
			up      time.Duration // 0: no tick
			flush   bool
			want    uint64
		}{
			{records: 1, want: 0},
			{up: 499 * time.Millisecond, want: 0},
			{up: 500 * time.Millisecond, want: 1},
			{records: 1, up: 999 * time.Millisecond, want: 1},
			{up: time.Second, want: 2},
			{records: chunkRecords, want: 2 + chunkRecords},
			{records: 1, want: 2 + chunkRecords},
			{flush: true, want: 3 + chunkRecords},
		}
		for i, s := range steps {
			if err := q.Flows(records[:s.records]); err != nil {
				t.Fatal(err)
			}
			if s.up > 0 {
				q.Tick(0, s.up)
			}
			if s.flush {
				if err := q.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if got := written(); got != s.want {
				t.Errorf("step %d: got %d records written, want %d", i, got, s.want)
			}
		}
		lines := read(t, dir.path, names(t, dir.path)[0])
		if got := strings.Count(string(lines), "\n"); got != 3+chunkRecords {
			t.Errorf("got %d lines in the file, want %d", got, 3+chunkRecords)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A store that is stuck is tried again at each flush interval, not with every record.
func TestQueueTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		q := newGate(1000, g)
		for i := range 100 {
			if err := errors.Join(q.Flows(flood(20)), q.Flush()); err != nil {
				t.Fatal(err)
			}
			q.Tick(0, time.Duration(i)*100*time.Millisecond)
			synctest.Wait()
		}
		if want := 1 + 9; g.puts != want { // when it became stuck, and after 1 s, 2 s, ... 9 s
			t.Errorf("tried %d times, want %d", g.puts, want)
		}
		if len(g.ticks) > 0 { // a file's time is not over while records of it wait
			t.Errorf("got %d ticks before the records that were offered before them", len(g.ticks))
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What was handed on is not kept: features would be kept with it.
func TestQueueKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newGate(1000, &gate{room: 600})
		if err := errors.Join(q.Flows(conversation(700)), q.Flush()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i := range q.hand {
			if kept := q.hand[i].Features != nil; kept != (i >= 600) {
				t.Fatalf("record %d of 700, of which 600 were taken: kept %v", i, kept)
			}
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An output that blocks stops neither the caller nor the end of the program, and what it did not take is counted.
func TestQueueShutdownDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{room: 10_000, block: make(chan struct{})}
		q := newGate(1000, g)
		if err := errors.Join(q.Flows(flood(1500)), q.Flush()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		err := q.Shutdown(ctx)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "close flows: 1000 records not written: ") {
			t.Errorf("got %v", err)
		}
		want := Status{Offered: 1500, Full: 500, Failed: 1000, Problem: err}
		if got := q.Status(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		close(g.block) // the write returns after all
		synctest.Wait()
		if got := q.Status(); got != want {
			t.Errorf("later: got %+v, want %+v", got, want)
		}
		if err := q.Close(); err != nil {
			t.Errorf("second end: got %v", err)
		}
	})
}

// With patience, whoever offers more than fits waits for room: not where the output is stuck, and not for ever.
func TestQueueWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{room: 1000}
		q := newGate(10, g)
		ctx, enough := context.WithCancel(context.Background())
		q.Wait(ctx)
		if err := q.Flows(flood(500)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := q.Status(), (Status{Offered: 500, Open: 500}); got != want {
			t.Errorf("with room: got %+v, want %+v", got, want)
		}
		g.room = 5 // then it is stuck
		if err := q.Flows(flood(100)); err != nil {
			t.Fatal(err)
		}
		if got, want := q.Status(), (Status{Offered: 600, Open: 505, Waiting: 10, Full: 85, Stuck: true}); got != want {
			t.Errorf("stuck: got %+v, want %+v", got, want)
		}
		g.room, g.block = 1000, make(chan struct{})
		q.Tick(0, time.Second) // a write that hangs
		synctest.Wait()
		done := make(chan error)
		go func() { done <- q.Flows(flood(100)) }()
		synctest.Wait()
		enough()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		close(g.block)
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if got := q.Status(); got.Offered != 700 || got.Written+got.Full != 700 || got.Full < 85 {
			t.Errorf("at the end: got %+v, want 700 records written or counted as full", got)
		}
	})
}

// What waits when everything is given up is counted, and what is in the file stays.
func TestQueueAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := openDir(t, t.TempDir())
		defer dir.Close()
		q := Live{Config: DefaultConfig(), Dir: dir}.FlowFiles(Columns{})
		if err := errors.Join(q.Flows(at(1, 2)), q.Flush()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := errors.Join(q.Flows(at(3)), q.Abort()); err != nil {
			t.Fatal(err)
		}
		if got, want := q.Status(), (Status{Offered: 3, Written: 2, Failed: 1, Files: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		wantText(t, filepath.Join(dir.path, "flows-20261121T113001Z.ndjson"), string(expected(NDJSON, at(1, 2))))
	})
}

// The books are balanced whenever somebody looks, and the queue allocates nothing once it has its buffers.
func TestQueueReadWhileWriting(t *testing.T) {
	q := Live{Config: DefaultConfig()}.FlowSink(NewFlows(NewStream(io.Discard, "nowhere"), NDJSON, 1, Columns{}))
	stop := make(chan struct{})
	checked := make(chan int)
	go func() {
		n := 0
		for {
			if s := q.Status(); s.Offered != s.Waiting+s.Open+s.Written+s.Full+s.Failed {
				t.Errorf("not balanced: %+v", s)
			}
			n++
			select {
			case <-stop:
				checked <- n
				return
			default:
			}
		}
	}()
	records := flood(100)
	allocations := testing.AllocsPerRun(2000, func() {
		if err := errors.Join(q.Flows(records), q.Flush()); err != nil {
			t.Fatal(err)
		}
		for q.Status().Waiting > 20_000 {
			q.Tick(0, 0)
		}
	})
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	if <-checked == 0 || allocations > 0 {
		t.Errorf("got %v allocations, want 0", allocations)
	}
	if got, want := q.Status(), (Status{Offered: 200_100, Written: 200_100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A reader that goes away ends a stream for good, and not the other outputs.
func TestQueueClosedPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		from.Close()
		l := Live{Config: DefaultConfig()}
		gone := l.FlowSink(NewFlows(NewStream(to, "standard output"), NDJSON, 1, Columns{}))
		stays := l.FlowSink(NewFlows(NewStream(io.Discard, "nowhere"), NDJSON, 1, Columns{}))
		tee := NewTee(gone, stays)
		for range 3 {
			if err := errors.Join(tee.Flows(flood(2)), tee.Flush()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := tee.Close(); err != nil {
			t.Error(err)
		}
		if got := gone.Status(); !errors.Is(got.Problem, ErrClosedPipe) || got.Failed != 2 || got.Offered != 2 {
			t.Errorf("the pipe: got %+v", got)
		}
		if got, want := stays.Status(), (Status{Offered: 6, Written: 6}); got != want {
			t.Errorf("the other: got %+v, want %+v", got, want)
		}
	})
}
