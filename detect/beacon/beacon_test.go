package beacon

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

const begin = 1_700_000_000 * int64(time.Second)

// flow is an answered HTTPS flow that begins so many ms after the beginning.
func flow(client, server uint32, ms int64) flowtable.Record {
	r := flowtable.Record{ID: uint64(ms) + 1, Version: 4, Proto: packet.ProtoTCP, ServerPort: 443, State: flowtable.Closed,
		ConnState: flowtable.SF, Start: begin + ms*milli, Packets: [2]uint64{10, 10}, Bytes: [2]uint64{900, 3000}}
	r.Client, r.Server = packet.Addr{Lo: 0xffff_0000_0000 | uint64(client)}, packet.Addr{Lo: 0xffff_0000_0000 | uint64(server)}
	r.End = r.Start + 300*milli
	r.Written = r.End + 5*int64(time.Second)
	return r
}

const (
	inside  = 10<<24 | 5    // 10.0.0.5
	outside = 203<<24 | 113 // 203.0.0.113
)

// run returns what a detector says of flows.
func run(t *testing.T, cfg Config, flows []flowtable.Record) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), flows, 1000)
}

// contacts are those of a beacon every 60 s that waits up to half longer or shorter and misses one of five.
func contacts(client, server uint32, seed uint64) (flows []flowtable.Record) {
	r := rand.New(rand.NewPCG(seed, 9))
	for at := 0.0; at < 3*3600e3; at += 60e3 * (0.5 + r.Float64()) {
		if r.Float64() > 0.2 {
			flows = append(flows, flow(client, server, int64(at)))
		}
	}
	return flows
}

func TestFindsABeacon(t *testing.T) {
	alerts := run(t, DefaultConfig(), contacts(inside, outside, 1))
	if len(alerts) == 0 {
		t.Fatal("no alert")
	}
	a := alerts[len(alerts)-1]
	period, rita := a.Reasons[0].Value, math.NaN()
	for _, r := range a.Reasons {
		if r.Feature == "rita_score" {
			rita = r.Value
		}
	}
	if a.Kind != "beacon" || a.Subject.String() != "10.0.0.5" || a.Role != detect.Client || a.Server.String() != "203.0.0.113" ||
		math.Abs(period-60) > 5 || a.Evidence.Total < 10 || !strings.Contains(a.Message, "203.0.0.113:443 every ") || !(rita > 0) {
		t.Errorf("got %+v", a)
	}
}

// What a message says of the time is of all contacts that it counts: of those that are forgotten, and of those before a gap
// that is longer than a series can hold (24.8 days).
func TestSpanIsOfAllContacts(t *testing.T) {
	const day = 24 * 3600
	var gap, long []flowtable.Record
	for i := range int64(10) {
		gap = append(gap, flow(inside, outside, i*30e3))
	}
	for i := range int64(20) {
		gap = append(gap, flow(inside, outside, 365*day*1e3+i*30e3))
	}
	for i := range int64(1000) { // of which 256 are remembered
		long = append(long, flow(inside, outside, i*60e3))
	}
	for _, flows := range [][]flowtable.Record{gap, long} {
		alerts := run(t, DefaultConfig(), flows)
		if len(alerts) == 0 {
			t.Fatal("no alert")
		}
		for _, a := range alerts {
			n := a.Evidence.Total
			span := (flows[n-1].Start - flows[0].Start) / int64(time.Second)
			if want := fmt.Sprintf(": %d contacts in %d s, ", n, span); !strings.Contains(a.Message, want) {
				t.Errorf("got %q, want %q", a.Message, want)
			}
			if a.WindowStart != flows[0].Start || a.WindowEnd != flows[n-1].Start {
				t.Errorf("got a window from %d to %d, want %d to %d", a.WindowStart, a.WindowEnd, flows[0].Start, flows[n-1].Start)
			}
		}
		t.Log(alerts[len(alerts)-1].Message)
	}
}

// A service that is known for a month is less of a threat than one that came up this week.
func TestNewServicesAreWorse(t *testing.T) {
	severity := func(known int64) (detect.Severity, float64) {
		flows := []flowtable.Record{flow(inside, outside, 0), flow(inside+1, outside+1, 0)}
		flows[0].Start -= known * day
		flows[1].Start -= 60 * day
		for i := range flows {
			flows[i].Written = flows[i].Start + int64(time.Second)
		}
		for at := int64(0); at < 24*3600e3; at += 300e3 {
			flows = append(flows, flow(inside, outside, at))
		}
		alerts := run(t, DefaultConfig(), flows)
		if len(alerts) == 0 {
			t.Fatal("no alert")
		}
		a := alerts[len(alerts)-1]
		for _, r := range a.Reasons {
			if r.Feature == "rita_threat" {
				return a.Severity, r.Value
			}
		}
		return a.Severity, 0
	}
	for _, c := range []struct {
		known  int64
		threat float64 // beside that of a service that is neither new nor old
	}{{1, 0.15}, {10, 0}, {40, -0.15}} {
		_, base := severity(10)
		if s, got := severity(c.known); math.Abs(got-base-c.threat) > 0.02 || (s == detect.Medium) != (got >= ritaMedium) {
			t.Errorf("known for %d days: threat %.3f, %v; want %.3f", c.known, got, s, base+c.threat)
		}
	}
}

// The twins of the beacon: the same number of contacts, and nothing to find.
func TestIsQuiet(t *testing.T) {
	cfg := DefaultConfig()
	base := contacts(inside, outside, 1)
	random := slices.Clone(base)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = flow(inside, outside, r.Int64N(3*3600e3))
	}
	change := func(f func(r *flowtable.Record)) []flowtable.Record {
		flows := slices.Clone(base)
		for i := range flows {
			f(&flows[i])
		}
		return flows
	}
	common := slices.Clone(base)
	for i := range uint32(8) {
		common = append(common, flow(inside+1+i, outside, 1))
	}
	for name, flows := range map[string][]flowtable.Record{
		"at random": random,
		"retries":   change(func(r *flowtable.Record) { r.ConnState, r.State = flowtable.REJ, flowtable.Reset }),
		"time": change(func(r *flowtable.Record) {
			r.Proto, r.ServerPort, r.State = packet.ProtoUDP, 123, flowtable.Established
		}),
		"group":    change(func(r *flowtable.Record) { r.Server = packet.Addr{Lo: 0xffff_e000_00fb} }),
		"incoming": change(func(r *flowtable.Record) { r.Client, r.Server = r.Server, r.Client }),
		"parts":    change(func(r *flowtable.Record) { r.Part = 1 }),
		"common":   common,
		"few":      base[:cfg.MinContacts-1],
	} {
		if alerts := run(t, cfg, flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
}

// Series that are forgotten before they are judged neither pile up nor take the place of others.
func TestForgottenSeriesDoNotWait(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSeries, cfg.MaxJudged = 50, 10
	d := New(cfg)
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, &detecttest.Alerts{})
	for minute := range uint32(60) {
		var flows []flowtable.Record
		for pair := range uint32(200) {
			for n := range int64(12) {
				flows = append(flows, flow(inside, 1<<30+200*minute+pair, int64(minute)*60_000+int64(pair)*250+n))
			}
		}
		e.Flows(flows)
		if err := errors.Join(e.Advance(flows[len(flows)-1].Written), e.Flush()); err != nil {
			t.Fatal(err)
		}
		if n := len(d.grown); n > 2*cfg.MaxSeries {
			t.Fatalf("minute %d: %d series wait, want %d at most", minute, n, 2*cfg.MaxSeries)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(d.grown); n > cfg.MaxSeries {
		t.Errorf("%d series wait at the end, of %d that are known", n, cfg.MaxSeries)
	}
}

func TestGroupingMeansNothing(t *testing.T) {
	flows := append(contacts(inside, outside, 1), contacts(inside+1, outside+1, 2)...)
	detecttest.Grouping(t, func() detect.Detector { return New(DefaultConfig()) }, flows, 2)
}

// A million pairs leave the tables at their caps.
func TestBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxPairs, cfg.MaxSeries, cfg.MaxEndpoints = 1000, 50, 1000
	d, out := New(cfg), &detecttest.Alerts{}
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out)
	var flows []flowtable.Record
	for i := range uint32(1_000_000) {
		if flows = append(flows, flow(inside, 1<<30+i, int64(i)/10)); i%10_000 == 0 {
			flows = append(flows, flow(inside, outside, int64(i)/10))
			e.Flows(flows)
			_ = e.Advance(flows[0].Written)
			flows = flows[:0]
		}
	}
	_ = e.Close()
	detecttest.Bounded(t, d, "pairs")
}

func BenchmarkFlows(b *testing.B) {
	d := New(DefaultConfig())
	records := make([]flowtable.Record, 4096)
	flows := make([]detect.Flow, len(records))
	for i := range flows {
		records[i] = flow(inside+uint32(i%512), outside+uint32(i%1024), int64(i)*100)
		flows[i] = detect.Flow{Record: &records[i], ClientLocal: true, PairHash: detect.Mix(uint64(i%1024), 1)}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i += len(flows) {
		for j := range records {
			records[j].Start += 400 * int64(time.Second)
		}
		d.Flows(flows, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/flow")
}

// A series remembers its latest contacts, those of a ring that another one had before, too; and there are no more rings than
// series.
func TestRings(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSeries = 3
	d := New(cfg)
	var flows []flowtable.Record
	counts := []int64{40, 17, 16, 300, 5, 256, 257}
	for i, n := range counts {
		for j := range n {
			flows = append(flows, flow(inside, outside+uint32(i), int64(i)*1e6+j*(j+1)))
		}
	}
	detecttest.Run(t, d, flows, len(flows))
	if d.rings.used > uint32(cfg.MaxSeries) {
		t.Errorf("%d rings of %d series", d.rings.used, cfg.MaxSeries)
	}
	left := counts[len(counts)-cfg.MaxSeries:]
	i := 0
	for _, s := range d.series.All() {
		var want, got []int64
		for j := max(0, left[i]-ringSize); j < left[i]; j++ {
			want = append(want, j*(j+1))
		}
		for _, c := range d.contacts(s) {
			got = append(got, int64(c.after))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d contacts: got %v, want %v", left[i], got, want)
		}
		i++
	}
}
