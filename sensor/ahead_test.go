package sensor_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
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
