package transport

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

type said struct{ alerts []detect.Alert }

func (s *said) Alerts(a []detect.Alert) error {
	s.alerts = append(s.alerts, a...)
	return nil
}

// scored takes scores and alerts.
type scored struct{ scores []detect.Score }

func (s *scored) Alert(detect.Alert)       {}
func (s *scored) Score(score detect.Score) { s.scores = append(s.scores, score) }

const begin = 1_700_006_400 * int64(time.Second)

// at puts a flow between two hosts, so long after the beginning.
func at(r *flowtable.Record, client, server uint64, after time.Duration) flowtable.Record {
	f := *r
	f.Client, f.Server, f.ClientPort, f.ServerPort = packet.Addr{Lo: 0xffff_0000_0000 | client}, packet.Addr{Lo: 0xffff_0000_0000 | server}, 40000, 443
	f.Start = begin + int64(after)
	f.End, f.Written, f.ID = f.Start, f.Start+int64(time.Second), client<<40|server<<20|uint64(after/time.Second)
	f.State, f.ConnState = flowtable.Closed, flowtable.SF
	return f
}

// obfuscated is a flow as obfs4 begins one.
func obfuscated() *flowtable.Record {
	return flow(40_000_000, 1448, 1448, 579, -1254, -1448, 1123, -1448, 77, -459, 1448)
}

// plain is the twin: of the same lengths at the same times, but it begins with TLS.
func plain() *flowtable.Record {
	r, m := obfuscated(), payload.NewMeter()
	for d := range 2 {
		b := scrambled(1254)
		copy(b, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
		clear(b[200:400])
		r.Features.Packet[d] = m.Packet(b, len(b), false)
	}
	return r
}

func run(t *testing.T, cfg Config, flows []flowtable.Record, group int) (*Detector, []detect.Alert) {
	t.Helper()
	d, err := New(cfg, features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	out := &said{}
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, out)
	for part := range slices.Chunk(flows, group) {
		e.Flows(part)
		if err := e.Advance(part[len(part)-1].Written); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil { // else the engine gathers groups
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return d, out.alerts
}

// mix are flows of three clients to a proxy, and as many to its twin.
func mix() (flows []flowtable.Record) {
	for i := range uint64(9) {
		flows = append(flows, at(obfuscated(), 10+i%3, 1, time.Duration(i)*20*time.Second),
			at(plain(), 10+i%3, 2, time.Duration(i)*20*time.Second))
	}
	return flows
}

func TestProxyAndItsTwin(t *testing.T) {
	flows := mix()
	_, alerts := run(t, DefaultConfig(), flows, 1000)
	if len(alerts) == 0 {
		t.Fatal("got no alert")
	}
	a := alerts[0]
	if a.Subject != (detect.Host{Addr: flows[0].Server, Version: 4}) || a.Role != detect.Server || a.Kind != "obfuscated_proxy" ||
		a.ServerPort != 443 || a.Severity != detect.Low || a.Evidence.Total != 3 || !slices.Equal(a.Evidence.IDs(), []uint64{flows[0].ID, flows[2].ID, flows[4].ID}) {
		t.Errorf("got %+v", a)
	}
	if !strings.Contains(a.Message, "0.0.0.1:443 looks like") || !strings.Contains(a.Message, "3 of 3 flows begin like one, of 3 clients") {
		t.Errorf("got %q", a.Message)
	}
	for _, a := range alerts {
		if a.Subject != alerts[0].Subject {
			t.Errorf("alert about %v", a.Subject)
		}
	}
}

func TestGroupingDoesNotMatter(t *testing.T) {
	_, want := run(t, DefaultConfig(), mix(), 1000)
	for _, group := range []int{1, 2, 5} {
		if _, got := run(t, DefaultConfig(), mix(), group); cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)) != "" {
			t.Errorf("in groups of %d: got %+v, want %+v", group, got, want)
		}
	}
}

// A client's flows of an hour are one contribution, whatever their number.
func TestOneContributionPerClientAndHour(t *testing.T) {
	for _, test := range []struct {
		name     string
		flows    func() []flowtable.Record
		hits, of float64
	}{
		{"one client", func() (f []flowtable.Record) {
			for i := range 30 {
				f = append(f, at(obfuscated(), 5, 1, time.Duration(i)*time.Minute))
			}
			return f
		}, 1, 1},
		{"half of the flows", func() (f []flowtable.Record) {
			for i := range 10 {
				f = append(f, at([]*flowtable.Record{obfuscated(), plain()}[i%2], 5, 1, time.Duration(i)*time.Minute))
			}
			return f
		}, .5, 1},
		{"three hours", func() (f []flowtable.Record) {
			for i := range 3 {
				f = append(f, at(obfuscated(), 5, 1, time.Duration(i)*time.Hour))
			}
			return f
		}, 3, 3},
		{"a half-life", func() []flowtable.Record {
			return []flowtable.Record{at(obfuscated(), 5, 1, 0), at(plain(), 5, 1, 3*time.Hour)}
		}, .5, 1.5},
	} {
		cfg := DefaultConfig()
		cfg.HalfLife = 1_000_000 * time.Hour
		if test.name == "a half-life" {
			cfg.HalfLife = 3 * time.Hour
		}
		d, _ := run(t, cfg, test.flows(), 1)
		_, s, _ := d.servers.Oldest()
		if math.Abs(s.tally.Hits-test.hits) > 1e-4 || math.Abs(s.tally.Of-test.of) > 1e-4 {
			t.Errorf("%s: got %v of %v, want %v of %v", test.name, s.tally.Hits, s.tally.Of, test.hits, test.of)
		}
	}
}

// Too few flows, too small a base rate and a stricter threshold each keep a server from being called.
func TestWhatIsAskedFor(t *testing.T) {
	few := []flowtable.Record{at(obfuscated(), 1, 9, 0), at(obfuscated(), 2, 9, time.Second)}
	if _, alerts := run(t, DefaultConfig(), few, 10); alerts != nil {
		t.Errorf("two flows: got %+v", alerts)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.BaseRate = 1e-4 },
		func(c *Config) { c.Strictness = 20 },
		func(c *Config) { c.MinFlows, c.MinClients = 10, 4 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, alerts := run(t, cfg, mix(), 10); alerts != nil {
			t.Errorf("%+v: got %+v", cfg, alerts)
		}
	}
}

// Flows whose beginning is not known say nothing.
func TestFlowsThatCannotBeJudged(t *testing.T) {
	for name, change := range map[string]func(r *flowtable.Record){
		"no features": func(r *flowtable.Record) { r.Features = nil },
		"later part":  func(r *flowtable.Record) { r.Part = 1 },
		"UDP":         func(r *flowtable.Record) { r.Proto = packet.ProtoUDP },
		"no answer": func(r *flowtable.Record) {
			f := *r.Features
			f.Packet[flowtable.Down] = payload.Packet{}
			r.Features = &f
		},
	} {
		flows := mix()
		for i := range flows {
			change(&flows[i])
		}
		if d, alerts := run(t, DefaultConfig(), flows, 10); alerts != nil || d.servers.Len() != 0 {
			t.Errorf("%s: got %d servers, %v", name, d.servers.Len(), alerts)
		}
	}
}

func TestFullTables(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxServers, cfg.MaxClients = 100, 100
	var flows []flowtable.Record
	for i := range uint64(1000) {
		flows = append(flows, at(plain(), i, i, time.Duration(i)*time.Millisecond))
	}
	for i := range uint64(6) {
		flows = append(flows, at(obfuscated(), 2000+i, 2000, time.Duration(1000+i)*time.Millisecond))
	}
	d, alerts := run(t, cfg, flows, 64)
	if len(alerts) != 1 || alerts[0].Status != detect.Degraded {
		t.Errorf("got %+v, want one alert that is degraded", alerts)
	}
	for _, c := range d.Tables() {
		if c.Entries != 100 || c.Evicted == 0 {
			t.Errorf("%+v, want 100 entries", c)
		}
	}
}

func TestFlowsDoNotAllocate(t *testing.T) {
	d, err := New(DefaultConfig(), features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	records := mix()
	flows := make([]detect.Flow, len(records))
	for i := range records {
		flows[i] = detect.Flow{Record: &records[i], Time: records[i].Written}
	}
	out := &scored{}
	d.Flows(flows, out)
	if n := testing.AllocsPerRun(20, func() { out.scores = out.scores[:0]; d.Flows(flows, out) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func BenchmarkFlows(b *testing.B) {
	for name, r := range map[string]*flowtable.Record{"random": obfuscated(), "tls": plain(), "syn": {Proto: packet.ProtoTCP}} {
		b.Run(name, func(b *testing.B) {
			d, err := New(DefaultConfig(), features.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			flows, out := make([]detect.Flow, 1000), &scored{}
			for i := range flows {
				f := at(r, uint64(i%50), uint64(i%200), 0)
				flows[i] = detect.Flow{Record: &f, Time: f.Written, ServerHash: detect.Mix(0, uint64(i%200)), PairHash: detect.Mix(1, uint64(i%200))}
			}
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(flows) {
				out.scores = out.scores[:0]
				d.Flows(flows, out)
			}
		})
	}
}
