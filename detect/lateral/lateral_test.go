package lateral

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

const (
	second = int64(time.Second)
	begin  = 1_700_006_400 * second
	inside = 10<<24 | 5 // 10.0.0.5
	other  = 203<<24 | 113<<8
)

// flow is an answered connection so many s after the beginning.
func flow(client, server uint32, port uint16, at float64) flowtable.Record {
	r := flowtable.Record{Client: detecttest.IPv4(client), Server: detecttest.IPv4(server), ClientPort: 40000, ServerPort: port, Version: 4, Proto: packet.ProtoTCP,
		State: flowtable.Closed, ConnState: flowtable.SF, RTT: 1000, Start: begin + int64(at*1e9),
		Packets: [2]uint64{12, 10}, Bytes: [2]uint64{2000, 2500}, Payload: [2]uint64{1500, 2000}}
	r.ID = uint64(r.Start) ^ uint64(client)
	r.End = r.Start + second
	r.Written = r.End + 5*second
	return r
}

// run returns what a detector says of flows.
func run(t *testing.T, cfg Config, flows []flowtable.Record) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), flows, 1000)
}

// swarm are five hosts that each contact all others on a port.
func swarm(from float64) (flows []flowtable.Record) {
	for i := range uint32(5) {
		for j := range uint32(5) {
			if i != j {
				flows = append(flows, flow(inside+i, inside+j, 32602, from+float64(5*i+j)))
			}
		}
	}
	return flows
}

// office are clients that ask one server again and again.
func office(seconds int) (flows []flowtable.Record) {
	for at := 0; at < seconds; at += 10 {
		flows = append(flows, flow(inside+100+uint32(at/10%20), inside+99, 445, float64(at)))
	}
	return flows
}

func kinds(alerts []detect.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, a.Kind+" "+a.Severity.String()+" "+a.Subject.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestSwarm(t *testing.T) {
	alerts := run(t, DefaultConfig(), append(office(200), swarm(50)...))
	want := []string{"peer_to_peer low 10.0.0.5", "peer_to_peer low 10.0.0.6", "peer_to_peer low 10.0.0.7", "peer_to_peer low 10.0.0.8", "peer_to_peer low 10.0.0.9"}
	if got := kinds(alerts); !slices.Equal(got, want) {
		t.Errorf("while it learns: got %q, want %q", got, want)
	}
	cfg := DefaultConfig()
	cfg.Learn = time.Hour
	alerts = run(t, cfg, append(office(8000), swarm(7000)...))
	for i := range want {
		want[i] = strings.Replace(want[i], "low", "medium", 1)
	}
	if got := kinds(alerts); !slices.Equal(got, want) {
		t.Errorf("when it has learnt: got %q, want %q", got, want)
	}
	// Known contacts are no news, also when they all come again.
	alerts = run(t, cfg, append(append(office(8000), swarm(100)...), swarm(7000)...))
	for _, a := range alerts {
		if a.WindowStart > begin+3600*second {
			t.Errorf("known contacts: %s", a.Message)
		}
	}
}

// Contacts outside on the port that do not go both ways, or on that of a login service, excuse nothing.
func TestOutsideExcusesSwarmsOnly(t *testing.T) {
	for name, more := range map[string][]flowtable.Record{
		"out": {flow(inside, other, 32602, 2)}, "in": {flow(other, inside, 32602, 1)},
	} {
		if alerts := run(t, DefaultConfig(), append(swarm(0), more...)); len(alerts) != 5 {
			t.Errorf("%s: %d alerts, want 5", name, len(alerts))
		}
	}
	flows := append(swarm(0), flow(other, inside, 0, 1), flow(inside, other, 0, 2))
	for i := range flows {
		flows[i].ServerPort = 5985
	}
	if alerts := run(t, DefaultConfig(), flows); len(alerts) != 5 {
		t.Errorf("login service: %d alerts, want 5", len(alerts))
	}
}

func TestNewContacts(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Learn = time.Hour
	var tour []flowtable.Record
	for i := range uint32(12) {
		tour = append(tour, flow(inside, inside+1+i, 445, 7000+float64(i)))
	}
	alerts := run(t, cfg, append(office(8000), tour...))
	if got := kinds(alerts); !slices.Equal(got, []string{"new_contacts low 10.0.0.5"}) {
		t.Fatalf("got %q", got)
	}
	if rate := alerts[len(alerts)-1].Reasons[2].Value; math.Abs(rate-1) > 1e-9 {
		t.Errorf("rate %v, want 1 a second", rate)
	}
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		flows uint32
		last  int64
		want  float64
	}{{5, 8 * second, 0.5}, {2, 8 * second, math.NaN()}, {3, 0, math.NaN()}} {
		got := rate(&contacts{flows: c.flows, last: c.last})
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// guesses are tries of passwords: bursts with pauses, sizes that vary with the number of tries in a connection.
func guesses(n int, every float64) (flows []flowtable.Record) {
	for i := range n {
		r := flow(inside, inside+9, 22, float64(i)*every)
		r.Payload = [2]uint64{1155 + uint64(i%3)*200, 1773 + uint64(i%3)*228}
		flows = append(flows, r)
	}
	return flows
}

func TestBruteForce(t *testing.T) {
	alerts := run(t, DefaultConfig(), guesses(12, 5))
	if len(alerts) != 1 || alerts[0].Kind != "brute_force" || alerts[0].Server.String() != "10.0.0.14" || alerts[0].Evidence.Total < 8 {
		t.Fatalf("got %+v", alerts)
	}
	change := func(f func(i int, r *flowtable.Record)) []flowtable.Record {
		flows := guesses(12, 5)
		for i := range flows {
			f(i, &flows[i])
		}
		return flows
	}
	work := guesses(30, 5) // ten of a size are not most of them
	for i := range work {
		work[i].Payload[1] += uint64(i%3) * work[i].Payload[1]
	}
	for name, flows := range map[string][]flowtable.Record{
		"few":        guesses(7, 5),
		"slow":       guesses(60, 60),
		"sizes vary": change(func(i int, r *flowtable.Record) { r.Payload[1] *= uint64(1 + i%4) }),
		"sessions":   change(func(_ int, r *flowtable.Record) { r.Payload[0] = 20_000 }),
		"long":       change(func(_ int, r *flowtable.Record) { r.End = r.Start + 100*second; r.Written = r.End + 5*second }),
		"web":        change(func(_ int, r *flowtable.Record) { r.ServerPort = 443 }),
		"closed":     change(func(_ int, r *flowtable.Record) { r.ConnState, r.Payload = flowtable.REJ, [2]uint64{} }),
		"work":       work,
	} {
		if alerts := run(t, DefaultConfig(), flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
}

// A server that lets some tries in, refuses others and is asked for its version by others, at whatever port.
func TestBruteForceOfSeveralKinds(t *testing.T) {
	several := func(port uint16, framing payload.Framing) []flowtable.Record {
		flows := guesses(30, 2)
		for i := range flows {
			r := &flows[i]
			r.ServerPort, r.Features = port, &flowtable.Features{}
			r.Features.Packet[flowtable.Down].Framing = framing
			if i%3 == 2 {
				r.Payload, r.ConnState = [2]uint64{24, 22}, flowtable.RSTR
			}
		}
		return flows
	}
	for _, flows := range [][]flowtable.Record{several(22, payload.FramingSSH), several(902, payload.FramingSSH), several(22, payload.FramingNone)} {
		alerts := run(t, DefaultConfig(), flows)
		if len(alerts) == 0 || alerts[0].Kind != "brute_force" || alerts[0].ServerPort != flows[0].ServerPort {
			t.Errorf("port %d: got %+v", flows[0].ServerPort, alerts)
		}
	}
	if alerts := run(t, DefaultConfig(), several(902, payload.FramingTLS)); len(alerts) > 0 {
		t.Errorf("no login service: %s", alerts[0].Message)
	}
}

// Twins of the swarm: as many flows, and nothing new or nothing mutual.
func TestIsQuiet(t *testing.T) {
	change := func(f func(r *flowtable.Record)) []flowtable.Record {
		flows := swarm(0)
		for i := range flows {
			f(&flows[i])
		}
		return flows
	}
	var one []flowtable.Record
	for i := range 20 {
		one = append(one, flow(inside, inside+1, 32602, float64(i)))
	}
	for name, flows := range map[string][]flowtable.Record{
		"office": office(3600), "one pair": one,
		"scan":                change(func(r *flowtable.Record) { r.ConnState, r.State = flowtable.REJ, flowtable.Reset }),
		"outside":             change(func(r *flowtable.Record) { r.Server = detecttest.IPv4(other) }),
		"parts":               change(func(r *flowtable.Record) { r.Part = 1 }),
		"itself":              change(func(r *flowtable.Record) { r.Server = r.Client }),
		"open to the outside": append(swarm(0), flow(other, inside, 32602, 1), flow(inside, other, 32602, 2)),
		"all ICMP":            change(func(r *flowtable.Record) { r.Proto, r.State = packet.ProtoICMP, flowtable.Established }),
	} {
		if alerts := run(t, DefaultConfig(), flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
}

func TestGroupingMeansNothing(t *testing.T) {
	flows := append(append(office(300), swarm(50)...), guesses(40, 1)...)
	detecttest.Grouping(t, func() detect.Detector { return New(DefaultConfig()) }, flows, 6)
}

func TestBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxContact, cfg.MaxHosts, cfg.MaxLogins = 1000, 1000, 100
	var flows []flowtable.Record
	for i := range uint32(100_000) {
		flows = append(flows, flow(10<<24|i, 10<<24|i+1, 22, float64(i)/1000))
	}
	d := New(cfg)
	detecttest.Run(t, d, flows, 10000)
	detecttest.Bounded(t, d, "hosts", "logins")
}

func BenchmarkFlows(b *testing.B) {
	d := New(DefaultConfig())
	records := make([]flowtable.Record, 4096)
	flows := make([]detect.Flow, len(records))
	for i := range flows {
		records[i] = flow(inside+uint32(i%512), inside+1000+uint32(i%64), 445, 0)
		flows[i] = detect.Flow{Record: &records[i], Time: begin, ClientLocal: true, ServerLocal: true, ClientHash: detect.Mix(uint64(i%512), 1),
			ServerHash: detect.Mix(uint64(i%64), 2), PairHash: detect.Mix(uint64(i), 3)}
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Flows(flows, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/flow")
}
