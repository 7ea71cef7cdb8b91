package sensor_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// wire is a Source of UDP packets between many hosts, a millisecond apart.
type wire struct {
	one    bool  // all are between the same two hosts
	left   int   // frames to deliver
	err    error // what comes then
	each   func(n int)
	n      int
	closed int
}

func (w *wire) Read(b *capture.Batch) error {
	if w.left == 0 {
		return w.err
	}
	b.Frames = b.Frames[:0]
	b.Data = make([]byte, 0, cap(b.Frames)*60)
	for len(b.Frames) < cap(b.Frames) && w.left > 0 {
		b.Frames = append(b.Frames, capture.Frame{
			Time: int64(w.n) * int64(time.Millisecond), Off: uint32(len(b.Data)), Len: 44, Wire: 60, Link: packet.LinkEthernet,
		})
		port := byte(w.n % 200)
		host := port
		if w.one {
			host = 0
		}
		b.Data = append(b.Data, make([]byte, 12)...)
		b.Data = append(b.Data, 8, 0,
			0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, host, 198, 51, 100, host%7,
			0x80, port, 0, 53, 0, 10, 0, 0, 'x', 'y')
		w.n++
		w.left--
	}
	if w.each != nil {
		w.each(w.n)
	}
	return nil
}

func (w *wire) Close() error { w.closed++; return nil }

// flakySink fails at its nth call.
type flakySink struct {
	recordSink
	failAt int
	calls  int
	err    error
}

func (s *flakySink) Flows(r []flowtable.Record) error {
	s.calls++
	if s.calls == s.failAt {
		return s.err
	}
	if s.calls > s.failAt && s.failAt > 0 {
		panic("bug: a sink was used after it failed")
	}
	return s.recordSink.Flows(r)
}

func options(shards, batch int) sensor.Options {
	opt := sensor.Options{Config: sensor.Config{Shards: shards, Batch: batch}, Flow: flowtable.DefaultConfig()}
	opt.Flow.Idle.UDP = 50 * time.Millisecond // records while the input goes on
	return opt
}

// patience is how long tests wait for what happens at once: so long that only what never comes fails.
const patience = 2 * time.Minute

// settle waits until the goroutines of a run are gone: they end just after Run returns.
func settle(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > want; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("goroutines: got %d, want %d", runtime.NumGoroutine(), want)
		}
	}
}

func TestRunEndsInOrder(t *testing.T) {
	broken, full := errors.New("cable pulled"), errors.New("disk full")
	for _, test := range []struct {
		name   string
		source error
		failAt int
		cancel int // packets after which the run is cancelled; 0: never
		want   error
	}{
		{name: "end of input", source: io.EOF},
		{name: "source fails", source: broken, want: broken},
		{name: "sink fails at once", source: io.EOF, failAt: 1, want: full},
		{name: "sink fails later", source: io.EOF, failAt: 5, want: full},
		{name: "cancelled at once", source: io.EOF, cancel: 1},
		{name: "cancelled later", source: io.EOF, cancel: 5000},
	} {
		for _, shards := range []int{1, 3} {
			before := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(context.Background())
			src := &wire{left: 20_000, err: test.source}
			src.each = func(n int) {
				if test.cancel > 0 && n >= test.cancel {
					cancel()
				}
			}
			sink := &flakySink{failAt: test.failAt, err: full}
			ledger, err := sensor.Run(ctx, src, sink, options(shards, 100))
			cancel()
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%s, %d shards: got error %v, want %v", test.name, shards, err, test.want)
			}
			if err := ledger.Check(); err != nil {
				t.Errorf("%s, %d shards: %v", test.name, shards, err)
			}
			if got, want := ledger.Packets, uint64(src.n); got != want {
				t.Errorf("%s, %d shards: got %d packets in the ledger, want the %d that were read", test.name, shards, got, want)
			}
			if test.cancel == 1 && src.n == 20_000 {
				t.Errorf("%s, %d shards: everything was read all the same", test.name, shards)
			}
			if test.failAt == 0 {
				total := uint64(0)
				for i := range sink.records {
					total += sink.records[i].Packets[flowtable.Up] + sink.records[i].Packets[flowtable.Down]
				}
				if total != ledger.Flow {
					t.Errorf("%s, %d shards: got %d packets in the records, want %d", test.name, shards, total, ledger.Flow)
				}
			}
			if src.closed != 0 {
				t.Errorf("%s, %d shards: Run closed the source, which is its caller's", test.name, shards)
			}
			settle(t, before)
		}
	}
}

func TestRunHandsOverEmptyInput(t *testing.T) {
	var sink recordSink
	ledger, err := sensor.Run(context.Background(), &wire{err: io.EOF}, &sink, options(2, 100))
	if err != nil || ledger.Packets != 0 || len(sink.records) != 0 || ledger.Check() != nil {
		t.Errorf("got %+v, %d records, error %v, want nothing", ledger, len(sink.records), err)
	}
}

// refusing is a filter that passes every third frame, and compiles for no link type but Ethernet.
type refusing struct{ n int }

func (r *refusing) Match([]byte, uint32) bool { r.n++; return r.n%3 == 0 }

func TestFilterIsInTheLedger(t *testing.T) {
	opt := options(1, 100)
	opt.Compile = func(uint16) (sensor.Matcher, error) { return &refusing{}, nil }
	var sink recordSink
	ledger, err := sensor.Run(context.Background(), &wire{left: 3000, err: io.EOF}, &sink, opt)
	if err != nil || ledger.Filtered != 2000 || ledger.Flow != 1000 || ledger.Check() != nil {
		t.Errorf("got %+v, error %v, want 2000 filtered and 1000 in flows", ledger, err)
	}
	wrong := errors.New("no such field in this link type")
	opt.Compile = func(uint16) (sensor.Matcher, error) { return nil, wrong }
	ledger, err = sensor.Run(context.Background(), &wire{left: 3000, err: io.EOF}, &sink, opt)
	if !errors.Is(err, wrong) || ledger.Check() != nil {
		t.Errorf("got %v and %v, want the compiler's error and a balanced ledger", err, ledger.Check())
	}
}

func TestNothingIsAllocatedPerPacket(t *testing.T) {
	allocs := func(packets int) float64 {
		return testing.AllocsPerRun(3, func() {
			opt := options(1, 1000)
			opt.Flow.Idle.UDP = time.Minute
			sink := &countingSink{}
			if _, err := sensor.Run(context.Background(), &replayed{left: packets}, sink, opt); err != nil {
				t.Error(err)
			}
		})
	}
	few, many := allocs(10_000), allocs(110_000)
	if perPacket := (many - few) / 100_000; perPacket > 0.001 {
		t.Errorf("got %.4f allocations for each packet, want none", perPacket)
	}
}

// replayed is a Source that gives out the same block of frames again and again.
type replayed struct {
	left int
}

func (r *replayed) Read(b *capture.Batch) error {
	if r.left == 0 {
		return io.EOF
	}
	if len(b.Data) == 0 {
		w := wire{left: cap(b.Frames)}
		if err := w.Read(b); err != nil {
			return err
		}
	}
	b.Frames = b.Frames[:min(cap(b.Frames), r.left)]
	r.left -= len(b.Frames)
	return nil
}

func (*replayed) Close() error { return nil }

type countingSink struct {
	recordSink
	n int
}

func (s *countingSink) Flows(r []flowtable.Record) error { s.n += len(r); return nil }
