package sensor_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

// While a shard is behind, the records of the others wait for it, but not more than there is room for: then they read no
// further. They answer all the time. Once the shard has caught up, and also where the run is stopped, all goes on.
func TestLiveWaitsForShardBehind(t *testing.T) {
	const packets, room = 300_000, 1 << 18
	for _, stopped := range []bool{false, true} {
		opt := options(1, 1000)
		ahead, behind := newTap(), newTap()
		sink := &recordSink{}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		live := sensor.StartLive(ctx, []capture.Live{ahead, behind}, sink, opt)
		for w := (&wire{left: packets, err: io.EOF}); w.left > 0; {
			ahead.give(read(t, w, 1000), all) // a record each, of an idle flow
		}
		for live.Ledger().Flows.Written["idle"] < room {
		}
		for range 1000 {
			if n := live.Ledger().Flows.Written["idle"]; n > room+4000 {
				t.Fatalf("%d records wait, want %d and those of four batches at most", n, room)
			}
		}
		if !stopped {
			ahead.now.Store(int64(time.Hour))
			behind.now.Store(int64(time.Hour))
			for live.Ledger().Flow < packets {
			}
		}
		stop()
		ledger, err := live.Wait()
		if err != nil || ledger.Flow != packets || uint64(len(sink.records)) != ledger.Flows.Opened {
			t.Errorf("stopped %t: got %d packets, %d of %d records, %v, want all %d", stopped, ledger.Flow, len(sink.records),
				ledger.Flows.Opened, err, packets)
		}
		for i := range sink.records[1:] {
			if sink.records[i+1].Moment().Before(sink.records[i].Moment()) {
				t.Fatalf("stopped %t: record %d is out of order", stopped, i+1)
			}
		}
	}
}

// A shard with none of the packets does not hold up the records of the others until the input ends.
func TestRunDoesNotWaitForIdleShard(t *testing.T) {
	written := make(chan struct{})
	src := &wire{left: 40_000, err: io.EOF, one: true}
	src.each = func(n int) {
		if n < 40_000 {
			return
		}
		select {
		case <-written:
		case <-time.After(patience):
			t.Error("no record was written before the end of the input")
		}
	}
	sink := &firstSink{written: written}
	if _, err := sensor.Run(context.Background(), src, sink, options(2, 1000)); err != nil {
		t.Fatal(err)
	}
}

// firstSink closes a channel when it gets the first records.
type firstSink struct {
	recordSink
	written chan struct{}
}

func (s *firstSink) Flows(r []flowtable.Record) error {
	if len(s.records) == 0 {
		close(s.written)
	}
	return s.recordSink.Flows(r)
}
