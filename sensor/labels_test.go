package sensor_test

import (
	"context"
	"testing"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/sensor"
)

// What sets labels sees every record and window once, in the order in which they are written and before they are.
func TestLabelsComeBeforeTheSinks(t *testing.T) {
	for _, shards := range []int{1, 3} {
		src, err := pcapfile.Open([]string{"../testdata/demo.pcap.gz"}, pcapfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var flows, windows uint32
		var sink recordSink
		var windowsTo windowSink
		_, err = sensor.Run(context.Background(), src, &sink, sensor.Options{
			Config: sensor.Config{Shards: shards, Batch: 100}, Flow: flowtable.DefaultConfig(),
			Windows: features.DefaultConfig(), WindowSink: &windowsTo,
			LabelFlows: func(records []flowtable.Record) {
				for i := range records {
					flows++
					records[i].Label = flows
				}
			},
			LabelWindows: func(ws []features.Window) {
				for i := range ws {
					windows++
					ws[i].Label = windows
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range sink.records {
			if r.Label != uint32(i+1) {
				t.Fatalf("%d shards: record %d has label %d, want %d", shards, i, r.Label, i+1)
			}
		}
		for i, w := range windowsTo.windows {
			if w.Label != uint32(i+1) {
				t.Fatalf("%d shards: window %d has label %d, want %d", shards, i, w.Label, i+1)
			}
		}
		if len(sink.records) < 100 || len(windowsTo.windows) < 100 || int(flows) != len(sink.records) || int(windows) != len(windowsTo.windows) {
			t.Errorf("%d shards: got %d records and %d windows labelled, %d and %d written",
				shards, flows, windows, len(sink.records), len(windowsTo.windows))
		}
	}
}
