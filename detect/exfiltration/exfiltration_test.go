package exfiltration

import (
	"cmp"
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

const (
	second = int64(time.Second)
	begin  = 1_700_006_400 * second // a whole hour and day
	inside = 10<<24 | 5             // 10.0.0.5
	other  = 203<<24 | 113<<8
)

// flow is an answered connection so many s after the beginning.
func flow(client, server uint32, at float64, up, down uint64) flowtable.Record {
	r := flowtable.Record{Client: detecttest.IPv4(client), Server: detecttest.IPv4(server), ClientPort: 40000, ServerPort: 443, Version: 4, Proto: packet.ProtoTCP,
		State: flowtable.Closed, ConnState: flowtable.SF, RTT: 1000, Start: begin + int64(at*1e9),
		Packets: [2]uint64{1 + up/1000, 1 + down/1000}, Bytes: [2]uint64{up, down}, Payload: [2]uint64{up, down}}
	r.ID = uint64(r.Start)
	r.End = r.Start + second
	r.Written = r.End + 5*second
	return r
}

// dns is a query and its answer.
func dns(client, resolver uint32, at float64, query, answer uint64) flowtable.Record {
	r := flow(client, resolver, at, query+28, answer+28)
	r.Proto, r.ServerPort, r.State, r.Packets, r.Payload = packet.ProtoUDP, 53, flowtable.Established, [2]uint64{1, 1}, [2]uint64{query, answer}
	r.End = r.Start + second/100
	return r
}

// run returns what a detector says of flows.
func run(t *testing.T, cfg Config, flows []flowtable.Record) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), flows, 1000)
}

// office is what ten clients do in so many minutes: 50 kB out, 1 MB in a minute each.
func office(minutes int) (flows []flowtable.Record) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10 * minutes {
		flows = append(flows, flow(inside+10+uint32(i%10), other+r.Uint32N(50), float64(i)*6, 40_000+r.Uint64N(20_000), 1_000_000))
	}
	return flows
}

func find(alerts []detect.Alert, kind string) *detect.Alert {
	for i := range alerts {
		if alerts[i].Kind == kind {
			return &alerts[i]
		}
	}
	return nil
}

func TestFindsExfiltration(t *testing.T) {
	for name, c := range map[string]struct {
		flows []flowtable.Record
		says  string
	}{
		"at once": {[]flowtable.Record{flow(inside, other, 300, 5_000_000, 50_000)}, "sent 5.0 MB out and fetched 50.0 kB in 10 min, mostly to 203.0.113.0"},
		"slowly": {func() (f []flowtable.Record) { // 12 MB in 20 hours, 100 kB each 10 min
			for i := range 120 {
				f = append(f, flow(inside, other, float64(i)*600, 100_000, 2_000))
			}
			return f
		}(), "sent 12.0 MB out and fetched 240.0 kB in a day"},
		"parts of a long flow": {func() (f []flowtable.Record) {
			for i := range 5 {
				r := flow(inside, other, float64(i)*100, 1_000_000, 10_000)
				r.Part = uint32(i)
				f = append(f, r)
			}
			return f
		}(), "sent 5.0 MB out"},
	} {
		busy := office(9)
		if name == "slowly" {
			busy = nil // the others send more in a day
			for i := range uint32(10) {
				busy = append(busy, flow(inside+10+i, other, 40, 50_000, 1_000_000))
			}
		}
		alerts := run(t, DefaultConfig(), append(c.flows, busy...))
		if len(alerts) != 1 || alerts[0].Kind != "exfiltration" || alerts[0].Subject.String() != "10.0.0.5" || !strings.Contains(alerts[0].Message, c.says) {
			t.Errorf("%s: got %d alerts: %+v", name, len(alerts), alerts)
		}
	}
}

// Twins: as many bytes, and nothing is taken away.
func TestIsQuiet(t *testing.T) {
	failed := flow(inside, other, 300, 5_000_000, 0)
	failed.ConnState, failed.State = flowtable.S0, flowtable.Connecting
	var daily []flowtable.Record // a backup in every 10 min
	for i := range 144 {
		daily = append(daily, flow(inside, other, float64(i)*600, 3_000_000, 50_000))
	}
	peers := office(9)
	for i := range peers {
		peers[i].Bytes = [2]uint64{600_000, 10_000}
	}
	for name, flows := range map[string][]flowtable.Record{
		"office":          office(9),
		"fetched as much": append(office(9), flow(inside, other, 300, 5_000_000, 4_000_000)),
		"inside":          append(office(9), flow(inside, 10<<24|77, 300, 5_000_000, 50_000)),
		"unanswered":      append(office(9), failed),
		"all do":          append(peers, flow(inside, other, 300, 5_000_000, 50_000)),
		"no peers":        {flow(inside, other, 300, 5_000_000, 50_000)},
	} {
		if alerts := run(t, DefaultConfig(), flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
	alerts := run(t, DefaultConfig(), append(daily, office(24*60)...))
	for _, a := range alerts {
		if a.WindowEnd-a.WindowStart == int64(10*time.Minute) && a.WindowStart >= begin+int64((historical+1)*10*time.Minute) {
			t.Errorf("what is usual was said again: %s", a.Message)
		}
	}
	if len(alerts) == 0 {
		t.Error("the first backups were not said")
	}
}

func TestHoarding(t *testing.T) {
	alerts := run(t, DefaultConfig(), append(office(9), flow(inside, other, 300, 2_000_000, 800_000_000)))
	if len(alerts) != 1 || alerts[0].Kind != "hoarding" || alerts[0].Severity != detect.Informational {
		t.Errorf("got %+v", alerts)
	}
}

func TestDNSTunnel(t *testing.T) {
	series := func(query uint64, n int, every float64) (flows []flowtable.Record) {
		for i := range n {
			flows = append(flows, dns(inside, 10<<24|1, float64(i)*every, query, 150))
		}
		return flows
	}
	alerts := run(t, DefaultConfig(), series(114, 60, 1))
	if a := find(alerts, "dns_tunnel"); a == nil || len(alerts) != 1 || a.Subject.String() != "10.0.0.5" || a.Server.String() != "10.0.0.1" {
		t.Fatalf("got %+v", alerts)
	} else if got, want := a.Reasons[3].Value, (114-45)*60*5.0/8*60/59; math.Abs(got-want) > 1 {
		t.Errorf("data: %v B/min, want %v", got, want)
	}
	one := dns(inside, other, 3, 20000, 30000) // iodine: one flow
	one.Packets, one.End = [2]uint64{170, 160}, one.Start+40*second
	if alerts := run(t, DefaultConfig(), []flowtable.Record{one}); find(alerts, "dns_tunnel") == nil {
		t.Error("the tunnel of one flow was not found")
	}
	for name, flows := range map[string][]flowtable.Record{
		"ordinary": series(60, 300, 1), "few": series(114, 19, 2), "short": series(114, 100, 0.1), "slow": series(95, 20, 29),
	} {
		cfg := DefaultConfig()
		if name == "slow" {
			cfg.DNSRate = 100 // 20 queries of 95 bytes in nine minutes carry 70 bytes a minute
		}
		if alerts := run(t, cfg, flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
}

// The first row of the original tool's own table, and how many rows it should have had.
func TestCompat(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Compat = true
	flows := office(10)
	flows = append(flows, flow(inside, other, 300, 1_415_961, 14_778_895))
	alerts := run(t, cfg, flows)
	if a := find(alerts, "compat"); a == nil || math.Abs(a.Score-20) > 5 {
		t.Errorf("got %+v", a)
	}
	for _, a := range alerts { // reasons and evidence, whatever the window
		if total := a.Evidence.Total; len(a.Reasons) < 3 || total == 0 || a.Kind == "compat" && total != uint64(len(ofClient(flows, a.Subject))) {
			t.Errorf("%s: got %+v, %d flows", a.Message, a.Reasons, total)
		}
	}
	if got := 14_778_895.0 / 1_415_961; math.Abs(got-10.437360) > 5e-7 {
		t.Errorf("ratio %v", got)
	}
	if top(200, 90) != 20 || top(200, 80) != 40 || top(11, 90) != 2 {
		t.Errorf("top: %d, %d, %d", top(200, 90), top(200, 80), top(11, 90))
	}
}

// Evidence of a window is of all of it: an hour's and a day's have the flows of the shorter ones that ended before.
func TestEvidenceOfLongWindows(t *testing.T) {
	flows := office(60)
	for i := range 30 { // 150 MB in five hours, which are too few bytes in 10 min
		flows = append(flows, flow(inside, other, float64(300+600*i), 5_000_000, 50_000))
	}
	slices.SortStableFunc(flows, func(a, b flowtable.Record) int { return cmp.Compare(a.Written, b.Written) })
	cfg := DefaultConfig()
	cfg.MinBytes, cfg.MinBytesHour, cfg.MinBytesDay = 10_000_000, 20_000_000, 100_000_000
	windows := map[int64]uint64{}
	for _, a := range run(t, cfg, flows) {
		windows[(a.WindowEnd-a.WindowStart)/int64(time.Minute)] = max(windows[(a.WindowEnd-a.WindowStart)/int64(time.Minute)], a.Evidence.Total)
	}
	if windows[10] != 0 || windows[60] != 6 || windows[24*60] < 24 {
		t.Errorf("got most flows by minutes of the window %v", windows)
	}
}

// ofClient returns the flows of a client.
func ofClient(flows []flowtable.Record, client detect.Host) (of []flowtable.Record) {
	for _, f := range flows {
		if f.Client == client.Addr {
			of = append(of, f)
		}
	}
	return of
}

func TestGroupingMeansNothing(t *testing.T) {
	flows := append(office(60), flow(inside, other, 300, 5_000_000, 50_000), flow(inside+1, other, 2000, 9_000_000, 50_000))
	detecttest.Grouping(t, func() detect.Detector { return New(DefaultConfig()) }, flows, 2)
}

func TestBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxClients, cfg.MaxResolvers = 1000, 100
	var flows []flowtable.Record
	for i := range uint32(100_000) {
		flows = append(flows, flow(inside+i, other, float64(i)/1000, 1000, 2000), dns(inside+i, other, float64(i)/1000, 60, 100))
	}
	d := New(cfg)
	detecttest.Run(t, d, flows, 10000)
	detecttest.Bounded(t, d, "clients", "resolvers")
}

func BenchmarkFlows(b *testing.B) {
	d := New(DefaultConfig())
	records := make([]flowtable.Record, 4096)
	flows := make([]detect.Flow, len(records))
	for i := range flows {
		records[i] = flow(inside+uint32(i%512), other+uint32(i%1024), 0, 900, 3000)
		flows[i] = detect.Flow{Record: &records[i], ClientLocal: true, ClientHash: detect.Mix(uint64(i%512), 1)}
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Flows(flows, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/flow")
}
