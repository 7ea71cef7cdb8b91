package detecttest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Alerts is a sink that keeps what it is given.
type Alerts []detect.Alert

// Alerts implements detect.AlertSink.
func (a *Alerts) Alerts(alerts []detect.Alert) error {
	*a = append(*a, alerts...)
	return nil
}

// Nowhere is a detect.Out that forgets.
type Nowhere struct{}

// Alert implements detect.Out.
func (Nowhere) Alert(detect.Alert) {}

// Score implements detect.Out.
func (Nowhere) Score(detect.Score) {}

// Run has an engine judge records, in the order in which they are written and so many at a time, and returns the alerts. It
// flushes the engine after each group: else it would gather them, and the detector be given the same ones at once always.
func Run(t testing.TB, d detect.Detector, records []flowtable.Record, group int) []detect.Alert {
	t.Helper()
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b flowtable.Record) int { return cmp.Compare(a.Written, b.Written) })
	var alerts Alerts
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, &alerts)
	for part := range slices.Chunk(records, group) {
		e.Flows(part)
		if err := e.Advance(part[len(part)-1].Written); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return alerts
}

// Grouping checks that a detector raises the same alerts, so many of them at least, however the records come in groups.
func Grouping(t *testing.T, detector func() detect.Detector, records []flowtable.Record, least int) {
	t.Helper()
	want := Run(t, detector(), records, len(records))
	if len(want) < least {
		t.Fatalf("%d alerts, want %d or more", len(want), least)
	}
	for _, group := range []int{1, 7, 100} {
		got := Run(t, detector(), records, group)
		for i := range max(len(got), len(want)) { // as text, in which NaN equals NaN
			if i >= len(got) || i >= len(want) || fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want[i]) {
				t.Errorf("groups of %d: alert %d of %d differs from that of all at once, of which there are %d", group, i, len(got), len(want))
				break
			}
		}
	}
}

// Bounded checks that no table of a detector has more than its cap, and that these had to forget.
func Bounded(t *testing.T, d detect.Sized, full ...string) {
	t.Helper()
	for _, c := range d.Tables() {
		if c.Entries > c.Cap || slices.Contains(full, c.Name) && c.Evicted == 0 {
			t.Errorf("%+v", c)
		}
	}
	for _, name := range full {
		if !slices.ContainsFunc(d.Tables(), func(c detect.TableCount) bool { return c.Name == name }) {
			t.Errorf("no table %s", name)
		}
	}
}

// IPv4 returns the address of a number: 10<<24 | 5 is 10.0.0.5.
func IPv4(a uint32) packet.Addr { return packet.Addr{Lo: 0xffff_0000_0000 | uint64(a)} }
