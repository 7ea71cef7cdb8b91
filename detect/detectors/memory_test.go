package detectors

import (
	"runtime"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/beacon"
	"github.com/weir-sensor/weir/detect/density"
	"github.com/weir-sensor/weir/detect/exfiltration"
	"github.com/weir-sensor/weir/detect/pairs"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// What detectors hold when a table is full is what their documents and settings say in bytes per entry.
func TestBytesPerEntry(t *testing.T) {
	at := func(client, server, port int, up uint64, second int) flowtable.Record {
		begin := int64(1_700_000_000+second) * int64(time.Second)
		return flowtable.Record{ID: uint64(client + 1), Version: 4, Proto: packet.ProtoTCP, Client: detecttest.IPv4(uint32(10<<24 + client)), ClientPort: 40000,
			Server: detecttest.IPv4(uint32(203<<24 + server)), ServerPort: uint16(port), State: flowtable.Closed, ConnState: flowtable.SF,
			Start: begin, End: begin, Written: begin, Packets: [2]uint64{5, 5}, Bytes: [2]uint64{up, 1000}}
	}
	px, bx, ex, dx := pairs.DefaultConfig(), beacon.DefaultConfig(), exfiltration.DefaultConfig(), density.DefaultConfig()
	small := func(i int) flowtable.Record { return at(i, 1, 443, 100, 0) }
	for _, c := range []struct {
		name  string
		d     detect.FlowWatcher
		flows int
		flow  func(i int) flowtable.Record
		want  int // bytes
	}{
		{"pairs", pairs.New(px), px.MaxPorts, func(i int) flowtable.Record { return at(i/4, 1, i%4+1, 100, 0) }, px.MaxPairs*280 + px.MaxPorts*90},
		{"beacon: pairs", beacon.New(bx), bx.MaxPairs, small, bx.MaxPairs * 90},
		{"beacon: endpoints", beacon.New(bx), bx.MaxEndpoints, func(i int) flowtable.Record { return at(i, i, 443, 100, 0) }, bx.MaxEndpoints * (90 + 75)},
		{"beacon: series", beacon.New(bx), bx.MaxSeries * 5, func(i int) flowtable.Record { return at(i/5, 1, 443, 100, i%5) }, bx.MaxSeries * 290},
		{"beacon: long series", beacon.New(bx), bx.MaxSeries * 20, func(i int) flowtable.Record { return at(i/20, 1, 443, 100, i%20) }, bx.MaxSeries * (290 + 2100)},
		{"exfiltration", exfiltration.New(ex), ex.MaxClients, small, ex.MaxClients * 225},
		{"exfiltration: evidence", exfiltration.New(ex), ex.MaxClients, func(i int) flowtable.Record { return at(i, 1, 443, 5000, 0) }, ex.MaxClients * (225 + 330)},
		{"density", density.New(dx), dx.MaxFlows, small, dx.MaxFlows * 2 * (72 + 8)},
	} {
		before := held()
		fill(c.d, c.flows, c.flow)
		got := int(held() - before)
		t.Logf("%s: %.1f MB, documented %.1f MB", c.name, float64(got)/1e6, float64(c.want)/1e6)
		if got > c.want+c.want/8 || got < c.want-c.want/8 {
			t.Errorf("%s: holds %d bytes, want %d within an eighth", c.name, got, c.want)
		}
		runtime.KeepAlive(c.d)
	}
}

// held returns the bytes of the heap that are in use.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// fill hands flows to a detector one by one, and ends its first batch.
func fill(d detect.FlowWatcher, flows int, flow func(i int) flowtable.Record) {
	for i := range flows {
		r := flow(i)
		client, server := r.Client.Lo*0x9e3779b97f4a7c15, r.Server.Lo*0xbf58476d1ce4e5b9
		d.Flows([]detect.Flow{{Record: &r, Time: r.Written, ClientHash: client, ServerHash: server, PairHash: detect.Mix(client, server), ClientLocal: true}}, nil)
	}
	if b, ok := d.(detect.Batcher); ok {
		every := b.Batches()[0]
		b.CloseBatch(detect.Batch{End: 1_700_000_100e9, Every: every}, nowhere{})
	}
}

type nowhere struct{}

func (nowhere) Alert(detect.Alert) {}
func (nowhere) Score(detect.Score) {}
