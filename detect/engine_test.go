package detect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// told is a detector that writes down what it is told, and raises an alert for every tenth flow and each batch.
type told struct {
	name  string
	every []time.Duration
	log   []string
	flows int
}

func (d *told) Info() Info               { return Info{Name: d.name} }
func (d *told) Batches() []time.Duration { return d.every }

func (d *told) Flows(flows []Flow, out Out) {
	for i := range flows {
		f := &flows[i]
		d.log = append(d.log, fmt.Sprintf("flow %d at %d local %v", f.ID, f.Time, f.ClientLocal))
		if d.flows++; d.flows%10 == 0 {
			a := Alert{Kind: "tenth", Subject: f.ClientHost(), Role: Client, Score: float64(d.flows)}
			a.About(f)
			out.Alert(a)
		}
	}
}

func (d *told) CloseBatch(b Batch, out Out) {
	d.log = append(d.log, fmt.Sprintf("batch %d to %d partial %v", b.Start/second, b.End/second, b.Partial))
	out.Alert(Alert{Time: b.End, Kind: "batch", Key: b.Every.String(), Score: 1})
}

// toldWindows watches windows, too.
type toldWindows struct{ *told }

func (d toldWindows) Windows(windows []features.Window, _ Out) {
	for i := range windows {
		d.log = append(d.log, fmt.Sprintf("window %d", windows[i].Ordinal))
	}
}

type alertList struct{ alerts []Alert }

func (l *alertList) Alerts(alerts []Alert) error {
	l.alerts = append(l.alerts, alerts...)
	return nil
}

// input is records and windows in the order of their times; those at the end are ended by the end of the input.
type input struct {
	flows   []flowtable.Record
	windows []features.Window
	until   int64
}

func drawInput(t *rapid.T) (in input) {
	at := int64(rapid.IntRange(0, 100).Draw(t, "begin")) * second
	for i := range rapid.IntRange(0, 100).Draw(t, "records") {
		at += int64(rapid.SampledFrom([]int{0, 0, 1, 100, 999, 2500, 70_000}).Draw(t, "gap")) * 1e6
		if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
			in.windows = append(in.windows, features.Window{Written: at, Ordinal: uint64(i)})
		} else {
			in.flows = append(in.flows, flowtable.Record{ID: uint64(i), Written: at, Version: 4, Client: packet.AddrFrom4([]byte{10, 0, 0, byte(i % 3)})})
		}
	}
	in.until = at + int64(rapid.IntRange(0, 3).Draw(t, "rest"))*second
	for i := range rapid.IntRange(0, 5).Draw(t, "open") {
		in.flows = append(in.flows, flowtable.Record{ID: uint64(1000 + i), Written: math.MaxInt64, Version: 4})
	}
	return in
}

// run gives an input to an engine in groups of the drawn sizes.
func (in input) run(t *rapid.T, group func() int) (log []string, alerts []Alert) {
	a, b := &told{name: "a", every: []time.Duration{time.Minute, 10 * time.Second}}, &told{name: "b", every: []time.Duration{time.Second}}
	var list alertList
	e := NewEngine(DefaultConfig(), []Detector{toldWindows{a}, b}, &list)
	flows, windows := in.flows, in.windows
	for len(flows)+len(windows) > 0 {
		n, m := min(group(), len(flows)), min(group(), len(windows))
		if i := slices.IndexFunc(flows[:n], func(r flowtable.Record) bool { return r.Written > flowtable.MaxClock }); i >= 0 {
			e.End(in.until)
		}
		e.Flows(flows[:n])
		e.Windows(windows[:m])
		flows, windows = flows[n:], windows[m:]
		clock := int64(math.MaxInt64) // as the sensor says it: nothing before comes any more
		if len(flows) > 0 {
			clock = flows[0].Written
		}
		if len(windows) > 0 {
			clock = min(clock, windows[0].Written)
		}
		if clock > flowtable.MaxClock {
			e.End(in.until)
		}
		if err := e.Advance(clock); err != nil {
			t.Fatal(err)
		}
		if group()%2 == 0 {
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.End(in.until)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return append(a.log, b.log...), list.alerts
}

// However records come in groups, the detectors are told the same and the same alerts are written, in the order of time.
func TestGroupsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		wantLog, wantAlerts := in.run(t, func() int { return 1 })
		log, alerts := in.run(t, func() int { return rapid.IntRange(1, 50).Draw(t, "group") })
		if diff := cmp.Diff(wantLog, log); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(wantAlerts, alerts, cmp.AllowUnexported(Evidence{}), cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
		if !slices.IsSortedFunc(alerts, func(a, b Alert) int { return int(a.Time - b.Time) }) {
			t.Fatal("alerts are not in the order of time")
		}
	})
}

// Batches hold what the plain arithmetic on times says, are closed in their order, and only where there was something.
func TestBatches(t *testing.T) {
	d := &told{name: "d", every: []time.Duration{10 * time.Second, time.Minute}}
	var list alertList
	e := NewEngine(DefaultConfig(), []Detector{d}, &list)
	e.Flows([]flowtable.Record{
		{ID: 1, Written: 59 * second, Version: 4, Client: packet.AddrFrom4([]byte{10, 1, 2, 3})},
		{ID: 2, Written: 60 * second, Version: 4, Client: packet.AddrFrom4([]byte{8, 8, 8, 8})},
		{ID: 3, Written: 3000*second + 1, Version: 4},
	})
	if err := e.Advance(3005 * second); err != nil {
		t.Fatal(err)
	}
	e.End(3006 * second)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"flow 1 at 59000000000 local true",
		"batch 50 to 60 partial true",
		"batch 0 to 60 partial true",
		"flow 2 at 60000000000 local false",
		"batch 60 to 70 partial false",
		"batch 60 to 120 partial false",
		"flow 3 at 3000000000001 local false",
		"batch 3000 to 3010 partial true",
		"batch 3000 to 3060 partial true",
	}
	if diff := cmp.Diff(want, d.log); diff != "" {
		t.Error(diff)
	}
	if last := list.alerts[len(list.alerts)-1]; last.Time != 3006*second {
		t.Errorf("an alert at the end has time %d, want that of the end of the input", last.Time)
	}
}

// Flows and windows whose time is before that of others that were judged are judged all the same.
func TestLateOnes(t *testing.T) {
	d := &told{name: "late", every: []time.Duration{time.Minute}}
	e := NewEngine(DefaultConfig(), []Detector{toldWindows{d}}, &alertList{})
	e.Flows([]flowtable.Record{{ID: 1, Written: 10 * second, Version: 4}})
	if err := e.Advance(11 * second); err != nil {
		t.Fatal(err)
	}
	e.Flows([]flowtable.Record{{ID: 2, Written: 5 * second, Version: 4}, {ID: 3, Written: 12 * second, Version: 4}})
	e.Windows([]features.Window{{Ordinal: 4, Written: 6 * second}})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"flow 1 at 10000000000 local false", "flow 2 at 10000000000 local false", "window 4",
		"flow 3 at 12000000000 local false", "batch 0 to 60 partial true"}
	if diff := cmp.Diff(want, d.log); diff != "" {
		t.Error(diff)
	}
}

// The same thing said again raises the count of the alert that stands, and is written when its score has doubled or it
// was not said for long.
func TestSuppression(t *testing.T) {
	s := newSuppressor(DefaultConfig())
	var got []string
	for _, said := range []struct {
		minute  int64
		score   float64
		subject byte
	}{{0, 1, 1}, {1, 1.9, 1}, {2, 2, 1}, {3, 2, 2}, {4, 3.9, 1}, {5, 4, 1}, {14, 4, 1}, {24, 4, 1}, {25, 4, 1}} {
		a := Alert{Detector: "x", Kind: "k", Time: said.minute * 60 * second, Score: said.score,
			Subject: Host{packet.AddrFrom4([]byte{10, 0, 0, said.subject}), 4}, Role: Client}
		if s.pass(&a, 0) {
			got = append(got, fmt.Sprintf("%d min: %s count %d first %d", said.minute, a.Subject, a.Count, a.First/60/second))
		}
	}
	want := []string{"0 min: 10.0.0.1 count 1 first 0", "2 min: 10.0.0.1 count 3 first 0", "3 min: 10.0.0.2 count 1 first 3",
		"5 min: 10.0.0.1 count 5 first 0", "24 min: 10.0.0.1 count 1 first 24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	cfg := DefaultConfig()
	cfg.Suppress = 9 * time.Minute
	e := &Engine{standing: s}
	e.Tune(cfg)
	again := Alert{Detector: "x", Kind: "k", Time: 34 * 60 * second, Score: 4, Subject: Host{packet.AddrFrom4([]byte{10, 0, 0, 1}), 4}, Role: Client}
	if !s.pass(&again, 0) {
		t.Error("what was said 9 minutes ago is held back for 10, after a reload of 9")
	}
}

// A detector that raises more than can be read within a second does not fill the memory: the rest is counted.
func TestAlertsAreBounded(t *testing.T) {
	var list alertList
	flood := &flooding{}
	e := NewEngine(DefaultConfig(), []Detector{flood}, &list)
	e.Flows([]flowtable.Record{{Written: second}})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	c := e.Counters().Detectors[0]
	if len(list.alerts) != maxAlerts || c.Raised != 2*maxAlerts || c.Written != maxAlerts || c.Capped != maxAlerts {
		t.Errorf("%d alerts, counted %+v; want %d written and as many counted", len(list.alerts), c, maxAlerts)
	}
	ids := map[string]bool{}
	for _, a := range list.alerts {
		if ids[a.ID] || len(a.ID) != 16 || strings.Trim(a.ID, "0123456789abcdef") != "" {
			t.Fatalf("id %q is not one", a.ID)
		}
		ids[a.ID] = true
	}
}

type flooding struct{}

func (flooding) Info() Info { return Info{Name: "flooding"} }

func (flooding) Flows(_ []Flow, out Out) {
	for i := range 2 * maxAlerts {
		out.Alert(Alert{Kind: "k", Key: fmt.Sprint(i)})
	}
}
