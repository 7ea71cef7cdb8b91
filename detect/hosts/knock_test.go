package hosts

import (
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// unanswered returns SYNs of different clients, so many s apart, to a port each.
func unanswered(clients int, apart int64) (records []flowtable.Record) {
	for i := range clients {
		at := 1_700_000_000*sec + int64(i)*apart
		records = append(records, flowtable.Record{ID: uint64(i + 1), Client: detecttest.IPv4(1<<30 + uint32(i)*977), Server: detecttest.IPv4(10<<24 | 5),
			ClientPort: 40000, ServerPort: 80, Version: 4, Proto: packet.ProtoTCP, State: flowtable.New, ConnState: flowtable.S0, ClientBy: flowtable.BySYN,
			Start: at, End: at, Written: at, Packets: [2]uint64{1, 0}, Bytes: [2]uint64{60, 0}})
	}
	return records
}

// What clients asked in a window that nobody answered is forgotten at its end, few or many.
func TestKnockersAreForgotten(t *testing.T) {
	for _, clients := range []int{1, 100, maxKnocked - 1, maxKnocked, maxKnocked + 1, 200_000} {
		d := New(DefaultConfig())
		detecttest.Run(t, d, unanswered(clients, 1000), 1000)
		for i := range d.knockers {
			if d.knockers[i] != (knocker{}) {
				t.Fatalf("%d clients: place %d is taken", clients, i)
			}
		}
		if len(d.knocked) != 0 || cap(d.knocked) != maxKnocked {
			t.Errorf("%d clients: %d places noted, room for %d", clients, len(d.knocked), cap(d.knocked))
		}
	}
}

// A window for each flow.
func BenchmarkSparse(b *testing.B) {
	d := New(DefaultConfig())
	records := unanswered(1000, int64(window))
	for b.Loop() {
		for i := range records {
			f := detect.Flow{Record: &records[i], Time: records[i].Written}
			d.Flows([]detect.Flow{f}, detecttest.Nowhere{})
			d.CloseBatch(detect.Batch{Start: f.Time, End: f.Time + int64(window), Every: window}, detecttest.Nowhere{})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/flow")
}
