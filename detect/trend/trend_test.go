package trend

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

const (
	second = int64(time.Second)
	begin  = 1_700_000_000 * second
	inside = 10<<24 | 5 // 10.0.0.5
	other  = 203<<24 | 113<<8
)

// flow is an answered connection that begins so many s after the beginning.
func flow(client, server uint32, at float64) flowtable.Record {
	r := flowtable.Record{Client: detecttest.IPv4(client), Server: detecttest.IPv4(server), ClientPort: 40000, ServerPort: 443, Version: 4, Proto: packet.ProtoTCP,
		State: flowtable.Closed, ConnState: flowtable.SF, RTT: 1000, Start: begin + int64(at*1e9),
		Packets: [2]uint64{6, 6}, Bytes: [2]uint64{900, 3000}, Payload: [2]uint64{500, 2500}}
	r.ID = uint64(r.Start)
	r.End = r.Start + second/10
	r.Written = r.End + 5*second
	return r
}

// attempt is one that is not completed: a SYN, an answer, and no more.
func attempt(client, server uint32, at float64) flowtable.Record {
	r := flow(client, server, at)
	r.ConnState, r.State, r.RTT = flowtable.S1, flowtable.Connecting, -1
	r.Packets, r.Bytes, r.Payload = [2]uint64{1, 1}, [2]uint64{60, 60}, [2]uint64{}
	r.End = r.Start + second/100
	r.Written = r.End + 30*second
	return r
}

// run returns what a detector says of flows.
func run(t *testing.T, cfg Config, flows []flowtable.Record) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), flows, 1000)
}

// ordinary is what 20 hosts do in so many seconds: five connections a second.
func ordinary(seconds int) (flows []flowtable.Record) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 * seconds {
		flows = append(flows, flow(inside+r.Uint32N(20), other+r.Uint32N(50), r.Float64()*float64(seconds)))
	}
	return flows
}

func kinds(alerts []detect.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, a.Kind+" "+a.Subject.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestFloodsAreNamedByTheirVictim(t *testing.T) {
	udp := func(r *flowtable.Record) {
		r.Proto, r.ServerPort, r.State, r.Packets[1] = packet.ProtoUDP, 5060, flowtable.New, 0
	}
	for name, c := range map[string]struct {
		flows func(i int) flowtable.Record
		n     int
		want  string
	}{
		"SYN, one source":     {func(i int) flowtable.Record { return attempt(other, inside, float64(i)/500) }, 1500, "syn_flood 10.0.0.5"},
		"SYN, spoofed":        {func(i int) flowtable.Record { return attempt(1<<30+uint32(i)*977, inside, float64(i)/500) }, 1500, "syn_flood 10.0.0.5"},
		"SYN, outside victim": {func(i int) flowtable.Record { return attempt(inside, other, float64(i)/500) }, 1500, "syn_flood 203.0.113.0"},
		"UDP": {func(i int) flowtable.Record {
			r := attempt(other, inside, float64(i)/500)
			udp(&r)
			return r
		}, 1500, "udp_flood 10.0.0.5"},
		"ICMP": {func(int) flowtable.Record {
			r := flow(other, inside, 3)
			r.Proto, r.ClientPort, r.ServerPort, r.Packets, r.State = packet.ProtoICMP, 8, 0, [2]uint64{900, 900}, flowtable.Established
			return r
		}, 1, "icmp_flood 10.0.0.5"},
		"reflection": {func(i int) flowtable.Record {
			r := attempt(inside, other+uint32(i%200), float64(i)/500)
			r.Proto, r.ServerPort, r.State, r.Packets, r.Bytes = packet.ProtoUDP, 53, flowtable.New, [2]uint64{0, 1}, [2]uint64{0, 3000}
			return r
		}, 1500, "reflection 10.0.0.5"},
	} {
		for _, before := range []int{0, 300} { // a flood that begins the capture, and one after five minutes
			flows := ordinary(before)
			for i := range c.n {
				r := c.flows(i)
				r.Start, r.End, r.Written = r.Start+int64(before)*second, r.End+int64(before)*second, r.Written+int64(before)*second
				flows = append(flows, r)
			}
			alerts := run(t, DefaultConfig(), flows)
			if got := kinds(alerts); len(got) != 1 || got[0] != c.want {
				t.Errorf("%s after %d s: got %q, want %q", name, before, got, c.want)
			}
		}
	}
}

// ICMP errors answer what the host sent: they are no flood, nor part of one.
func TestICMPErrorsAreNoFlood(t *testing.T) {
	icmp := func(proto uint8, kind, packets int, at float64) flowtable.Record {
		r := flow(other, inside, at)
		r.Proto, r.ClientPort, r.ServerPort, r.ICMPOneWay, r.State = proto, uint16(kind), 3, true, flowtable.New
		r.Packets = [2]uint64{uint64(packets), 0}
		return r
	}
	for kind, want := range map[[2]int]int{
		{packet.ProtoICMP, 3}: 0, {packet.ProtoICMP, 11}: 0, {packet.ProtoICMP, 13}: 1,
		{packet.ProtoICMPv6, 1}: 0, {packet.ProtoICMPv6, 3}: 0, {packet.ProtoICMPv6, 135}: 1,
	} {
		alerts := run(t, DefaultConfig(), []flowtable.Record{icmp(uint8(kind[0]), kind[1], 2000, 1)})
		if len(alerts) != want {
			t.Errorf("protocol %d type %d: got %q, want %d alerts", kind[0], kind[1], kinds(alerts), want)
		}
	}
	flows := []flowtable.Record{icmp(packet.ProtoICMP, 13, 600, 1), icmp(packet.ProtoICMP, 3, 6000, 1.5)}
	if alerts := run(t, DefaultConfig(), flows); len(alerts) != 1 || alerts[0].Score != 1.2 {
		t.Errorf("beside a flood: got %+v, want one alert of 1.2 times the floor", alerts)
	}
}

func TestFloodSaysHowManySources(t *testing.T) {
	var one, many []flowtable.Record
	for i := range 1500 {
		one = append(one, attempt(other, inside, float64(i)/500))
		many = append(many, attempt(1<<30+uint32(i%100), inside, float64(i)/500))
	}
	alerts := run(t, DefaultConfig(), one)
	if got := alerts[0].Client.String(); got != "203.0.113.0" {
		t.Errorf("client %q", got)
	}
	alerts = run(t, DefaultConfig(), many)
	sources := alerts[0].Reasons[3]
	if sources.Feature != "sources" || sources.Value < 85 || sources.Value > 115 || alerts[0].Client.Version != 0 {
		t.Errorf("got %+v of 100, client %v", sources, alerts[0].Client)
	}
}

// A flood of everybody is a few alerts, about those who get most, not hundreds.
func TestFloodsAreFew(t *testing.T) {
	var flows []flowtable.Record
	for i := range 100 {
		for j := range 400 + i {
			flows = append(flows, attempt(1<<30+uint32(j), inside+uint32(i), float64(j)/200))
		}
	}
	alerts := run(t, DefaultConfig(), flows)
	if len(alerts) != maxFloods || alerts[0].Subject.String() != "10.0.0.104" || alerts[0].Reasons[4].Value != 100 {
		t.Errorf("%d alerts, the first one about %v: %+v", len(alerts), alerts[0].Subject, alerts[0].Reasons)
	}
}

// Twins of floods: as many flows, and no flood.
func TestIsQuiet(t *testing.T) {
	var scan, sweep, busy, slow, names []flowtable.Record
	for i := range 3000 {
		at := float64(i) / 500
		r := attempt(other, inside, at)
		r.ServerPort = uint16(i)
		scan = append(scan, r)
		sweep = append(sweep, attempt(other, inside+uint32(i), at))
		n := attempt(inside+uint32(i%90), 10<<24|255, at)
		n.Proto, n.State, n.ServerPort, n.Packets[1] = packet.ProtoUDP, flowtable.New, 137, 0
		names = append(names, n)
		busy = append(busy, flow(other+uint32(i%90), inside, at))
		slow = append(slow, attempt(other, inside, 3*float64(i)/10))
	}
	for name, flows := range map[string][]flowtable.Record{
		"port scan": scan, "sweep": sweep, "busy server": busy, "ordinary": ordinary(3600), "a server that is down": slow,
		"broadcasts": names,
	} {
		if alerts := run(t, DefaultConfig(), flows); len(alerts) > 0 {
			t.Errorf("%s: %s: %s", name, alerts[0].Kind, alerts[0].Message)
		}
	}
}

func TestRise(t *testing.T) {
	flows := ordinary(600)
	for i := range 4000 {
		flows = append(flows, flow(inside+3, other+uint32(i%50), 500+float64(i)/100))
	}
	alerts := run(t, DefaultConfig(), flows)
	if got := kinds(alerts); !slices.Contains(got, "rise 10.0.0.8") || slices.ContainsFunc(got, func(k string) bool { return k != "rise 10.0.0.8" && k != "shift " }) {
		t.Errorf("got %q", got)
	}
}

func TestGroupingMeansNothing(t *testing.T) {
	flows := ordinary(600)
	for i := range 4000 {
		flows = append(flows, flow(inside+3, other, 500+float64(i)/100), attempt(other, inside, 300+float64(i)/300))
	}
	detecttest.Grouping(t, func() detect.Detector { return New(DefaultConfig()) }, flows, 2)
}

// A flood from and to everywhere leaves the tables at their caps; silence of a day is no work.
func TestBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxHosts, cfg.MaxVictims = 1000, 100
	r := rand.New(rand.NewPCG(1, 2))
	var flows []flowtable.Record
	for i := range 200_000 {
		flows = append(flows, attempt(10<<24|r.Uint32N(1<<24), 10<<24|r.Uint32N(1<<12), float64(i)/20000))
	}
	flows = append(flows, flow(inside, other, 1e7))
	d := New(cfg)
	detecttest.Run(t, d, flows, 10000)
	detecttest.Bounded(t, d, "hosts")
}

func TestStepsShareARecord(t *testing.T) {
	o := openSteps{first: 10, begun: true}
	r := flowtable.Record{Start: 85 * second, End: 125 * second} // steps 8 to 12, of which two are closed
	got := map[int64]float64{}
	var l lasting
	l.set(&o, &r)
	l.spread(func(step int64, share float64) { got[step] = share })
	if len(got) != 3 || got[10] != 0.25 || got[11] != 0.25 || got[12] != 0.125 {
		t.Errorf("got %v", got)
	}
}

func BenchmarkFlows(b *testing.B) {
	for _, kind := range []string{"ordinary", "SYN flood", "spoofed everywhere"} {
		b.Run(kind, func(b *testing.B) {
			d := New(DefaultConfig())
			records := make([]flowtable.Record, 65536)
			flows := make([]detect.Flow, len(records))
			r := rand.New(rand.NewPCG(1, 2))
			for i := range flows {
				switch kind {
				case "ordinary":
					records[i] = flow(inside+r.Uint32N(500), other+r.Uint32N(2000), 0)
				case "SYN flood":
					records[i] = attempt(r.Uint32(), inside, 0)
				default:
					records[i] = attempt(r.Uint32(), r.Uint32(), 0)
				}
				f := detect.Flow{Record: &records[i], Time: records[i].Written, ClientLocal: kind == "ordinary"}
				f.ClientHash, f.ServerHash = detect.Mix(f.Client.Lo, 1), detect.Mix(f.Server.Lo, 1)
				flows[i] = f
			}
			b.ReportAllocs()
			for b.Loop() {
				d.Flows(flows, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/flow")
		})
	}
}
