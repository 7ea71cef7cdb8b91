package sensor_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/sensor"
)

// tap is a live source that delivers given frames, ErrIdle while there are none, and io.EOF once it is interrupted and has
// delivered what it was given until then.
type tap struct {
	frames chan capture.Batch
	rest   capture.Batch // what the latest batch had no room for
	stop   atomic.Bool
	now    atomic.Int64
	given  atomic.Uint64
}

func newTap() *tap { return &tap{frames: make(chan capture.Batch, 1024)} }

func (t *tap) Read(b *capture.Batch) error {
	none := capture.ErrIdle
	if t.stop.Load() { // before it looks for frames, for what was given before the interrupt is not lost
		none = io.EOF
	}
	if len(t.rest.Frames) == 0 {
		select {
		case t.rest = <-t.frames:
		default:
			runtime.Gosched() // as a source that waits: who is to give it frames may need its processor
			return none
		}
	}
	n := min(len(t.rest.Frames), cap(b.Frames))
	b.Frames, b.Data = append(b.Frames[:0], t.rest.Frames[:n]...), t.rest.Data
	t.rest.Frames = t.rest.Frames[n:]
	return nil
}

func (t *tap) Interrupt()   { t.stop.Store(true) }
func (t *tap) Close() error { return nil }
func (t *tap) Now() int64   { return t.now.Load() }
func (t *tap) Stats() capture.Stats {
	return capture.Stats{Interface: "tap0", Packets: t.given.Load(), InterfaceMissed: 7}
}

// give lets the tap deliver the frames of the batch that are its own.
func (t *tap) give(b *capture.Batch, own func(frame []byte) bool) {
	var part capture.Batch
	for i, f := range b.Frames {
		if data := b.Bytes(i); own(data) {
			f.Off = uint32(len(part.Data))
			part.Data = append(part.Data, data...)
			part.Frames = append(part.Frames, f)
		}
	}
	if len(part.Frames) > 0 {
		t.given.Add(uint64(len(part.Frames)))
		t.frames <- part
	}
}

func all([]byte) bool { return true }

// read returns the wire's next frames.
func read(t *testing.T, w *wire, n int) *capture.Batch {
	t.Helper()
	b := &capture.Batch{Frames: make([]capture.Frame, 0, n)}
	if err := w.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// What two rings make of packets is what a file with them makes, in the same order; also when time goes on now and then
// with nothing arriving.
func TestLiveEqualsReplay(t *testing.T) {
	const packets = 20_000
	opt := options(1, 100)
	want := &recordSink{}
	if _, err := sensor.Run(context.Background(), &wire{left: packets, err: io.EOF}, want, opt); err != nil {
		t.Fatal(err)
	}
	taps := []*tap{newTap(), newTap()}
	got := &recordSink{}
	live := sensor.StartLive(context.Background(), []capture.Live{taps[0], taps[1]}, got, opt)
	source := &wire{left: packets, err: io.EOF}
	for source.left > 0 {
		b := read(t, source, 100)
		for i, tap := range taps {
			tap.give(b, func(frame []byte) bool {
				return int(packet.PairHash(packet.LinkEthernet, frame, 60, packet.Options{})>>31) == i
			})
		}
		for _, tap := range taps {
			tap.now.Store(b.Frames[len(b.Frames)-1].Time)
		}
	}
	for _, tap := range taps {
		tap.Interrupt()
	}
	ledger, err := live.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(); err != nil || ledger.Packets != packets {
		t.Errorf("got %d packets, %v, want %d", ledger.Packets, err, packets)
	}
	if c := *ledger.Capture; c.CaptureCounts != (sensor.CaptureCounts{Received: packets, InterfaceMissed: 7}) || c.Unread != 0 ||
		c.Until != (packets-1)*1e6 || len(c.Interfaces) != 1 || c.Interfaces[0] != (sensor.InterfaceLedger{Interface: "tap0", CaptureCounts: c.CaptureCounts}) {
		t.Errorf("got %+v, want %d received, none unread or dropped, and 7 missed by the one interface", c, packets)
	}
	if taps[0].given.Load() == 0 || taps[1].given.Load() == 0 {
		t.Error("a ring had nothing to do")
	}
	same := func(a, b flowtable.Record) bool {
		a.Order, b.Order, a.Ordinal, b.Ordinal = 0, 0, 0, 0 // a live packet's place is its time
		return a == b
	}
	if !slices.EqualFunc(got.records, want.records, same) {
		t.Errorf("got %d records, want the %d of a replay, in their order", len(got.records), len(want.records))
	}
}

// While nothing arrives, flows end when the clock says so, and the ledger can be looked at.
func TestLiveTimeGoesOn(t *testing.T) {
	const packets = 10
	opt := options(1, 100)
	opt.Flow.Idle.UDP = time.Minute
	tap := newTap()
	written := make(chan flowtable.Record, 2*packets)
	live := sensor.StartLive(context.Background(), []capture.Live{tap}, &channelSink{to: written}, opt)
	tap.give(read(t, &wire{left: packets}, packets), all)
	var before sensor.Ledger
	for before.Flow < packets {
		before = live.Ledger()
	}
	if err := before.Check(); err != nil || before.Flows.Open != packets || len(written) != 0 {
		t.Errorf("got %d open flows, %d written, %v, want %d open", before.Flows.Open, len(written), err, packets)
	}
	tap.now.Store(int64(61 * time.Second))
	for range packets {
		if r := <-written; r.EndReason != flowtable.EndIdle {
			t.Errorf("got %v, want idle", r.EndReason)
		}
	}
	if after := live.Ledger(); after.Flows.Open != 0 || after.Flows.Written["idle"] != packets {
		t.Errorf("got %+v, want all %d written", after.Flows, packets)
	}
	tap.Interrupt()
	if _, err := live.Wait(); err != nil {
		t.Error(err)
	}
	if at := live.Ledger(); at.Flow != packets {
		t.Errorf("after the end: got %d packets, want %d", at.Flow, packets)
	}
}

// A source or a sink that fails ends the run, the other sources are interrupted, and it is why the run ended.
func TestLiveFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		sink *flakySink
		err  error // of the source, where it would be idle
	}{
		{"source", &flakySink{failAt: 1 << 30}, broken},
		{"sink", &flakySink{failAt: 1, err: broken}, capture.ErrIdle},
	} {
		tap, quiet := newTap(), newTap()
		tap.now.Store(int64(time.Hour))
		quiet.now.Store(int64(time.Hour))
		tap.give(read(t, &wire{left: 10}, 10), all)
		live := sensor.StartLive(context.Background(), []capture.Live{failing{tap, test.err}, quiet}, test.sink, options(1, 100))
		live.Ledger() // comes to an end, too, also when one of the shards has ended
		if _, err := live.Wait(); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", test.name, err, broken)
		}
	}
}

// failing is a tap that fails when it would be idle.
type failing struct {
	*tap
	err error
}

func (f failing) Read(b *capture.Batch) error {
	if err := f.tap.Read(b); !errors.Is(err, capture.ErrIdle) {
		return err
	}
	return f.err
}

// channelSink hands records on.
type channelSink struct {
	recordSink
	to chan flowtable.Record
}

func (s *channelSink) Flows(records []flowtable.Record) error {
	for _, r := range records {
		s.to <- r
	}
	return nil
}
