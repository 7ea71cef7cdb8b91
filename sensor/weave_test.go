package sensor_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

const wovenSettle = 200 * time.Millisecond

// stamped returns a batch of frames with these times, each with its time as its bytes.
func stamped(times ...int64) *capture.Batch {
	b := &capture.Batch{}
	for _, at := range times {
		b.Frames = append(b.Frames, capture.Frame{Time: at, Off: uint32(len(b.Data)), Len: 8, Wire: 60, Link: 1})
		b.Data = binary.BigEndian.AppendUint64(b.Data, uint64(at))
	}
	return b
}

// weave returns a live source of n taps.
func weave(t *testing.T, n int) (capture.Live, []*tap) {
	t.Helper()
	var taps []*tap
	var sources []capture.Live
	for range n {
		taps = append(taps, newTap())
		sources = append(sources, taps[len(taps)-1])
	}
	src := sensor.Weave(sources, wovenSettle)
	t.Cleanup(func() { src.Close() })
	return src, taps
}

// readWoven reads until enough says so, and returns the frames. Each must have its own bytes, and in one source's order.
func readWoven(t *testing.T, src capture.Live, enough func(frames []capture.Frame, err error) bool) (all []capture.Frame) {
	t.Helper()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 7)}
	for end := time.Now().Add(patience); ; {
		err := src.Read(&b)
		if (err == nil) != (len(b.Frames) > 0) {
			t.Fatalf("got %d frames with error %v", len(b.Frames), err)
		}
		for i, f := range b.Frames {
			if got := int64(binary.BigEndian.Uint64(b.Bytes(i))); got != f.Time {
				t.Fatalf("a frame of %d has the bytes of that of %d", f.Time, got)
			}
		}
		if all = append(all, b.Frames...); enough(all, err) {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("got %d frames, %v", len(all), err)
		}
	}
}

func atEnd(_ []capture.Frame, err error) bool { return err == io.EOF }

// Whatever the batches in which sources deliver, what comes out is sorted by time, of equal times the first source first.
func TestWeaveSorts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		n := 2 + rnd.IntN(3)
		src, taps := weave(t, n)
		var want []capture.Frame
		for i, tap := range taps {
			at := int64(0)
			for range rnd.IntN(20) {
				var times []int64
				for range 1 + rnd.IntN(9) {
					at += rnd.Int64N(3)
					times = append(times, at)
					want = append(want, capture.Frame{Time: at, Iface: uint16(i)})
				}
				tap.give(stamped(times...), all)
			}
			tap.Interrupt()
		}
		slices.SortStableFunc(want, func(a, b capture.Frame) int {
			return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Iface, b.Iface))
		})
		got := readWoven(t, src, atEnd)
		same := func(a, b capture.Frame) bool { return a.Time == b.Time && a.Iface == b.Iface }
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("of %d sources: got %d frames in another order than the %d sorted ones", n, len(got), len(want))
		}
	}
}

// A frame waits for a quiet source until its clock is settle past the frame, no longer and no less; and the clock of
// both together never passes a frame that waits.
func TestWeaveWaits(t *testing.T) {
	src, taps := weave(t, 2)
	const at = int64(time.Hour)
	taps[0].give(stamped(at, at+10), all)
	taps[1].now.Store(at + int64(wovenSettle) - 1)
	idle := 0
	readWoven(t, src, func(frames []capture.Frame, err error) bool {
		if len(frames) > 0 {
			t.Fatalf("got %v while a frame before them may come", frames)
		}
		if now := src.Now() - int64(wovenSettle); now > at {
			t.Fatalf("got the clock %d, want %d at most", now, at)
		}
		idle++
		return idle == 100
	})
	one := func(frames []capture.Frame, _ error) bool { return len(frames) > 0 }
	taps[1].give(stamped(at-5), all)
	if got := readWoven(t, src, one); len(got) != 1 || got[0].Time != at-5 || got[0].Iface != 1 {
		t.Errorf("got %v, want the earlier frame that came later", got)
	}
	taps[1].now.Store(at + int64(wovenSettle))
	if got := readWoven(t, src, one); len(got) != 1 || got[0].Time != at {
		t.Errorf("got %v, want the one frame that has waited for long enough", got)
	}
	taps[1].Interrupt()
	if got := readWoven(t, src, one); len(got) != 1 || got[0].Time != at+10 {
		t.Errorf("got %v, want the frame that nothing can come before any more", got)
	}
}

// A source that fails ends the others: what they have comes, and then the error.
func TestWeaveFailure(t *testing.T) {
	broken := errors.New("broken")
	good := newTap()
	good.give(stamped(1, 2, 3), all)
	src := sensor.Weave([]capture.Live{failing{newTap(), broken}, good}, wovenSettle)
	defer src.Close()
	got := readWoven(t, src, func(_ []capture.Frame, err error) bool { return errors.Is(err, broken) })
	if len(got) != 3 {
		t.Errorf("got %v before the error, want the three frames of the other source", got)
	}
}

// Nothing is left of a source that is closed, read or not, and closed twice.
func TestWeaveClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 100 {
		src, taps := weave(t, 3)
		if i%2 == 0 {
			taps[0].give(stamped(5), all)
			b := capture.Batch{Frames: make([]capture.Frame, 0, 1)}
			if err := src.Read(&b); err != nil && !errors.Is(err, capture.ErrIdle) {
				t.Fatal(err)
			}
		}
		if err := errors.Join(src.Close(), src.Close()); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, before)
}

// Two interfaces, of which each has some packets of every flow, make the flows of the whole, in the same order; what each
// of them counted adds up.
func TestWeaveEqualsReplay(t *testing.T) {
	const packets = 20_000
	opt := options(1, 100)
	want := &recordSink{}
	if _, err := sensor.Run(context.Background(), &wire{left: packets, err: io.EOF}, want, opt); err != nil {
		t.Fatal(err)
	}
	src, taps := weave(t, 2)
	got := &recordSink{}
	live := sensor.StartLive(context.Background(), []capture.Live{src}, got, opt)
	source := &wire{left: packets, err: io.EOF}
	for source.left > 0 {
		b := read(t, source, 100)
		for i, tap := range taps {
			n := 0
			tap.give(b, func([]byte) bool { n++; return n%3%2 == i })
			tap.now.Store(b.Frames[0].Time)
		}
	}
	for _, tap := range taps {
		tap.Interrupt()
	}
	ledger, err := live.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(); err != nil || ledger.Packets != packets || ledger.Late != 0 {
		t.Errorf("got %d packets, %d late, %v, want %d in order", ledger.Packets, ledger.Late, err, packets)
	}
	same := func(a, b flowtable.Record) bool {
		a.Order, b.Order, a.Ordinal, b.Ordinal = 0, 0, 0, 0
		return a == b
	}
	if !slices.EqualFunc(got.records, want.records, same) {
		t.Errorf("got %d records, want the %d of a replay, in their order", len(got.records), len(want.records))
	}
	stats := src.Stats()
	if stats.Packets != packets || !strings.Contains(stats.Interface, ",") || len(capture.Parts(src)) != 2 {
		t.Errorf("got %+v, want the sums over two interfaces", stats)
	}
}
