package sensor_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
	"github.com/weir-sensor/weir/sensor"
)

// windowSink keeps all windows.
type windowSink struct{ windows []features.Window }

func (s *windowSink) Windows(w []features.Window) error {
	s.windows = append(s.windows, w...)
	return nil
}
func (*windowSink) Flush() error { return nil }
func (*windowSink) Close() error { return nil }
func (*windowSink) Abort() error { return nil }

// The pipeline's windows are those of one windower that is given every packet, in the same order, whatever the shards.
func TestWindowsOfThePipeline(t *testing.T) {
	shardings, batches := []int{1, 2, 5}, []int{1, 333, 4096}
	if testing.Short() { // the race detector
		shardings, batches = shardings[1:], batches[1:2]
	}
	for name, change := range map[string]func(*features.Config){
		"as it is":     func(*features.Config) {},
		"by flow":      func(c *features.Config) { c.By, c.Packets = features.ByFlow, 10 },
		"whole time":   func(c *features.Config) { c.Cut, c.Segment = features.CutTime, 10*time.Second },
		"some clients": func(c *features.Config) { c.Clients, c.Packets = []string{"10.20.0.0/17"}, 5 },
		"no entropy":   func(c *features.Config) { c.Groups = []string{"interval", "psh"} },
	} {
		cfg := features.DefaultConfig()
		change(&cfg)
		want := plainWindows(t, cfg)
		if len(want) < 50 {
			t.Errorf("%s: got %d windows", name, len(want))
		}
		for _, shards := range shardings {
			for _, batch := range batches {
				src, err := pcapfile.Open([]string{"../testdata/demo.pcap.gz"}, pcapfile.Options{})
				if err != nil {
					t.Fatal(err)
				}
				var got windowSink
				opt := sensor.Options{
					Config: sensor.Config{Shards: shards, Batch: batch}, Flow: flowtable.DefaultConfig(), Windows: cfg, WindowSink: &got,
				}
				ledger, err := sensor.Run(context.Background(), src, &recordSink{}, opt)
				if err != nil || ledger.Check() != nil || ledger.Windows.Written != uint64(len(got.windows)) {
					t.Fatalf("%s: %v, %v, %d windows of %+v", name, err, ledger.Check(), len(got.windows), ledger.Windows)
				}
				if !slices.Equal(got.windows, want) {
					t.Errorf("%s: windows of %d shards and batches of %d differ from those of one windower", name, shards, batch)
				}
				src.Close()
			}
		}
	}
}

// plainWindows gives every packet of the demo capture to one windower.
func plainWindows(t *testing.T, cfg features.Config) (all []features.Window) {
	t.Helper()
	w := features.New(cfg, features.Network{MTU: flowtable.DefaultConfig().MTU}, 1, [4]uint64{2, 4, 6, 8})
	clock := int64(flowtable.MinClock)
	eachFrame(t, "../testdata/demo.pcap.gz", func(n uint64, at int64, wire uint32, link uint16, frame []byte) {
		var p packet.Packet
		clock = max(clock, at)
		if packet.Decode(&p, link, frame, wire, packet.Options{}) == packet.OK {
			entropy := payload.NewMeter().Entropy(frame[p.PayloadOff : p.PayloadOff+p.PayloadCap])
			w.Add([]features.Input{{Packet: &p, Time: at, Clock: clock, Ordinal: n, Entropy: entropy}})
		}
	})
	all = w.Advance(clock, all)
	w.Shutdown(clock)
	for more := true; more; {
		all, more = w.Drain(all, 100)
	}
	return all
}

// eachFrame calls f for every frame of the capture.
func eachFrame(t *testing.T, path string, f func(n uint64, at int64, wire uint32, link uint16, frame []byte)) {
	t.Helper()
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 1000)}
	for n := uint64(0); ; {
		if err := src.Read(&b); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		for i, frame := range b.Frames {
			f(n, frame.Time, frame.Wire, frame.Link, b.Bytes(i))
			n++
		}
	}
}
