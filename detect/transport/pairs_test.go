package transport

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// window is one of a client and a server, so long after the beginning; each of its features has a value.
func window(client, server uint64, after time.Duration, value float64) *features.Window {
	w := &features.Window{Client: packet.Addr{Lo: client}, Target: packet.Addr{Lo: server}, Version: 4, Packets: 50}
	w.First = begin + int64(after)
	w.Last = w.First + int64(time.Second)
	w.Written = w.Last
	for i := range w.Features {
		w.Features[i] = value
	}
	return w
}

// between is a flow of a client and a server, so long after the beginning.
func between(client, server uint64, after time.Duration) *flowtable.Record {
	return &flowtable.Record{Client: packet.Addr{Lo: client}, Server: packet.Addr{Lo: server}, Version: 4, Start: begin + int64(after)}
}

func TestPairs(t *testing.T) {
	p := NewPairs(2, Contract(BothSet, features.DefaultConfig()).Window)
	for _, w := range []*features.Window{window(1, 2, 0, 3), window(1, 2, time.Minute, 5), window(2, 1, time.Minute, 100)} {
		p.Add(w)
	}
	var means WindowNumbers
	check := func(name string, r *flowtable.Record, want float64) {
		t.Helper()
		ok := p.Means(r, &means)
		if got := means[7]; ok != (want == want) || ok && got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, want)
		}
	}
	check("two windows", between(1, 2, time.Minute), 4)
	check("a flow that began before them", between(1, 2, -time.Hour), 4)
	check("the other way round", between(2, 1, time.Minute), 100)
	check("nobody's", between(1, 3, 0), math.NaN())
	check("ten minutes later", between(1, 2, 11*time.Minute+time.Second), 4)
	check("more than that", between(1, 2, 11*time.Minute+2*time.Second), math.NaN())
	p.Add(window(1, 2, time.Hour, 7))
	check("it has begun anew", between(1, 2, time.Hour), 7)
	p.Add(window(1, 9, time.Hour, 1))
	check("forgotten for the third", between(2, 1, time.Hour), math.NaN())
	if c := p.table.Count("pairs"); c.Entries != 2 || c.Evicted != 1 {
		t.Errorf("got %+v, want 2 entries and 1 evicted", c)
	}
}

// Where windows are made by flow, those of a flow's own ports count.
func TestPairsByFlow(t *testing.T) {
	cfg := features.DefaultConfig()
	cfg.By = features.ByFlow
	p := NewPairs(10, Contract(BothSet, cfg).Window)
	w, r := window(1, 2, 0, 3), between(1, 2, 0)
	w.ClientPort, w.TargetPort = 1000, 443
	p.Add(w)
	r.ClientPort, r.ServerPort = 1001, 443
	var means WindowNumbers
	if p.Means(r, &means) {
		t.Error("another flow's windows count")
	}
	r.ClientPort = 1000
	if !p.Means(r, &means) || means[0] != 3 {
		t.Errorf("got %v, want 3", means[0])
	}
}

// written writes a model's file.
func written(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A server of whose windows most are hits is called; its twin is not. Only a model that looks at windows is given any.
func TestWindowModel(t *testing.T) {
	cfg, windows := DefaultConfig(), features.DefaultConfig()
	cfg.BaseRate, cfg.Model = .5, written(t, sealed(t, WindowSet, windows)) // calls windows whose first feature is large
	d, err := New(cfg, windows)
	if err != nil {
		t.Fatal(err)
	}
	out := &said{}
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out)
	for i := range uint64(8) {
		for server, value := range map[uint64]float64{1: 39, 2: 0} {
			e.Windows([]features.Window{*window(10+i, server, time.Duration(i)*time.Second, value)})
		}
		e.Flows([]flowtable.Record{at(obfuscated(), 10+i, 2, time.Duration(i)*time.Second)})
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(out.alerts) != 1 || out.alerts[0].Subject.Addr.Lo != 1 || out.alerts[0].HasPort || out.alerts[0].N != 8 ||
		!strings.Contains(out.alerts[0].Message, "8 of 8 windows of packets are like one, of 8 clients") {
		t.Errorf("got %+v", out.alerts)
	}
	if d, err = New(DefaultConfig(), windows); err != nil || detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out).WatchesWindows() {
		t.Errorf("a model of flow starts has windows made: %v", err)
	}
	windows.Groups = windows.Groups[:2]
	if _, err := New(cfg, windows); err == nil || !strings.Contains(err.Error(), "window.groups") {
		t.Errorf("some groups of features are off: got %v", err)
	}
}

// Evidence of a server by hours that come late counts in the latest one.
func TestTallyOfLateTimes(t *testing.T) {
	var s Tally
	var a, b Hour
	const half = time.Hour
	hour := int64(time.Hour)
	s.Add(&a, 10*hour, true, half)
	s.Add(&b, 11*hour, false, half)
	s.Add(&a, 10*hour, false, half) // of hour 11 now
	if s.Hits != .5 || s.Of != 2.5 {
		t.Errorf("got %v of %v, want 0.5 of 2.5", s.Hits, s.Of)
	}
	s.Add(&a, 12*hour, true, half)
	if s.Hits != 1.25 || s.Of != 2.25 {
		t.Errorf("got %v of %v, want 1.25 of 2.25", s.Hits, s.Of)
	}
}
