package features

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/packet"
)

// reference is what testdata/reference/windows.py wrote: an independent computation with dpkt and numpy.
type reference struct {
	Features []string
	Cases    []referenceCase
}

type referenceCase struct {
	Capture          string
	Clients          []string
	Packets          int
	Segment          int64
	TCPPackets       uint64 `json:"tcp_packets"`
	Windows          int    // all of them
	DroppedRemainder int    `json:"dropped_remainder"` // packets
	DroppedLate      int    `json:"dropped_late"`
	Outside          uint64 // packets
	Connections      uint64 // of all windows, summed
	Sum              []float64
	Sample           []referenceWindow
}

type referenceWindow struct {
	Client, Target       string
	SegmentStart         int64 `json:"segment_start"`
	Number               int   // of the pair's windows in the segment
	First, Last          int64
	Packets, Connections uint32
	Features             []float64
}

func readReference(t testing.TB) (ref reference) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "reference", "windows.json.gz"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestNamesEqualTheReferences(t *testing.T) {
	want := readReference(t).Features
	if got := Names(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// capturePath returns where a capture of the reference is, "" where it is not at hand.
func capturePath(name string) string {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	for _, path := range []string{filepath.Join("testdata", "reference", name), filepath.Join(shared, name)} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// replay calls f with every packet of a capture that can be decoded; payload is borrowed.
func replay(t testing.TB, path string, f func(p *packet.Packet, time int64, payload []byte)) {
	t.Helper()
	r, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := capture.Batch{Frames: make([]capture.Frame, 0, 256)}
	for {
		err := r.Read(&b)
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Frames {
			frame := b.Bytes(i)
			var p packet.Packet
			if packet.Decode(&p, b.Frames[i].Link, frame, b.Frames[i].Wire, packet.Options{}) == packet.OK {
				f(&p, b.Frames[i].Time, frame[p.PayloadOff:][:p.PayloadCap])
			}
		}
	}
}

// windowsOf returns the windows of a capture, and the counters at the end.
func windowsOf(t testing.TB, path string, cfg Config) ([]Window, Counters) {
	t.Helper()
	w := New(cfg, Network{MTU: 1500}, 1, [4]uint64{1, 2, 3, 4})
	clock, n := int64(math.MinInt64), uint64(0)
	var out []Window
	replay(t, path, func(p *packet.Packet, time int64, payload []byte) {
		clock = max(clock, time)
		addOne(w, p, time, clock, n, payload)
		n++
		out = w.Advance(clock, out)
	})
	w.Shutdown(clock)
	for more := true; more; {
		out, more = w.Drain(out, 100)
	}
	return out, w.Counters()
}

// Every feature of every capture equals the reference's to 1e-9.
func TestWindowsEqualTheReferences(t *testing.T) {
	ref := readReference(t)
	missing, captures, windows, compared := 0, map[string]bool{}, 0, 0
	for _, c := range ref.Cases {
		path := capturePath(c.Capture)
		if path == "" {
			missing++
			continue
		}
		if testing.Short() && c.Packets != 50 {
			continue
		}
		captures[c.Capture] = true
		windows += c.Windows
		cfg := DefaultConfig()
		cfg.Packets, cfg.Clients, cfg.Segment = c.Packets, c.Clients, time.Duration(c.Segment)
		t.Run(fmt.Sprintf("%s/%d/%v", c.Capture, c.Packets, c.Clients), func(t *testing.T) {
			compared += compareWithReference(t, &c, path, cfg)
		})
	}
	t.Logf("%d windows of %d captures by their sums, %d one by one", windows, len(captures), compared)
	if missing > 0 {
		t.Logf("%d of %d cases not compared: their captures are not at hand (WEIR_SHARED names their parent directory)", missing, len(ref.Cases))
	}
}

func compareWithReference(t *testing.T, c *referenceCase, path string, cfg Config) (compared int) {
	got, counters := windowsOf(t, path, cfg)
	if len(got) != c.Windows || counters.Outside != c.Outside || counters.Counted+counters.Outside != c.TCPPackets {
		t.Errorf("got %d windows, %d packets outside, %d of TCP; want %d, %d, %d (%d late)", len(got), counters.Outside,
			counters.Counted+counters.Outside, c.Windows, c.Outside, c.TCPPackets, c.DroppedLate)
	}
	numbers := map[string]int{}
	byKey := map[string]*Window{}
	sum, connections := make([]float64, WindowFeatures), uint64(0)
	for i := range got {
		w := &got[i]
		key := fmt.Sprintf("%v to %v in %d", w.Client.Netip(w.Version), w.Target.Netip(w.Version), w.SegmentStart)
		byKey[fmt.Sprintf("%s: %d", key, numbers[key])] = w
		numbers[key]++
		connections += uint64(w.Connections)
		for j, v := range w.Features {
			sum[j] += v
		}
	}
	if connections != c.Connections {
		t.Errorf("got %d connections, want %d", connections, c.Connections)
	}
	for j, want := range c.Sum {
		if !near(sum[j], want) {
			t.Errorf("sum of %s: got %v, want %v", Names()[j], sum[j], want)
		}
	}
	for _, want := range c.Sample {
		key := fmt.Sprintf("%s to %s in %d: %d", want.Client, want.Target, want.SegmentStart, want.Number)
		w := byKey[key]
		if w == nil {
			t.Errorf("no window %s", key)
			continue
		}
		compared++
		if w.First != want.First || w.Last != want.Last || w.Packets != want.Packets || w.Connections != want.Connections {
			t.Errorf("%s: got %d to %d, %d packets, %d connections; want %+v", key, w.First, w.Last, w.Packets, w.Connections, want)
		}
		for j, v := range want.Features {
			if !near(w.Features[j], v) {
				t.Errorf("%s: %s: got %v, want %v", key, Names()[j], w.Features[j], v)
			}
		}
	}
	return compared
}

// near compares to 1e-9, relative above 1.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*max(1, math.Abs(want)) }
