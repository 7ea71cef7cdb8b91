package trend

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// noAnswer is an attempt at a port that nothing comes back to, of one packet of so many bytes.
func noAnswer(proto uint8, client uint32, port uint16, bytes uint64, at float64) flowtable.Record {
	r := attempt(client, inside, at)
	r.Proto, r.ServerPort, r.ConnState, r.State = proto, port, flowtable.S0, flowtable.New
	r.Packets, r.Bytes = [2]uint64{1, 0}, [2]uint64{bytes, 0}
	return r
}

// many are so many of them in 4 s.
func many(n int, flow func(i int, at float64) flowtable.Record) (flows []flowtable.Record) {
	for i := range n {
		flows = append(flows, flow(i, 1+4*float64(i)/float64(n)))
	}
	return flows
}

// A flood is found over whatever ports it comes, once; a scan by one source, or a few, is none, whoever else knocks meanwhile.
func TestFloodsOverPorts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	spoofed := func(proto uint8, n, ports int, bytes uint64) []flowtable.Record {
		return many(n, func(_ int, at float64) flowtable.Record {
			return noAnswer(proto, 1<<30+r.Uint32N(1<<28), uint16(1+r.IntN(ports)), bytes, at)
		})
	}
	scan := func(source uint32, proto uint8, n int) []flowtable.Record {
		return many(n, func(i int, at float64) flowtable.Record { return noAnswer(proto, source, uint16(1+i), 60, at) })
	}
	for name, c := range map[string]struct {
		flows []flowtable.Record
		want  []string // kind and key
	}{
		"SYNs to random ports": {spoofed(packet.ProtoTCP, 20_000, 65535, 60), []string{"syn_flood scattered"}},
		"SYNs to 200 ports":    {spoofed(packet.ProtoTCP, 10_000, 200, 60), []string{"syn_flood scattered"}},
		"UDP to random ports":  {spoofed(packet.ProtoUDP, 20_000, 65535, 430), []string{"udp_flood scattered"}},
		"UDP of one source, large": {many(20_000, func(int, float64) flowtable.Record {
			return noAnswer(packet.ProtoUDP, other, uint16(1+r.IntN(65535)), 430, 1+4*r.Float64())
		}), []string{"udp_flood scattered"}},
		"SYNs to one port":         {spoofed(packet.ProtoTCP, 20_000, 1, 60), []string{"syn_flood 1"}},
		"fewer than a flood":       {spoofed(packet.ProtoTCP, 290, 65535, 60), nil},
		"a scan by TCP":            {scan(other, packet.ProtoTCP, 20_000), nil},
		"a scan by UDP":            {scan(other, packet.ProtoUDP, 20_000), nil},
		"a scan beside 200 knocks": {append(scan(other, packet.ProtoTCP, 20_000), spoofed(packet.ProtoTCP, 200, 65535, 60)...), nil},
		"four scans":               {slices.Concat(scan(other, packet.ProtoTCP, 5000), scan(other+1, packet.ProtoTCP, 5000), scan(other+2, packet.ProtoTCP, 5000), scan(other+3, packet.ProtoTCP, 5000)), nil},
		"a flood beside a scan":    {append(scan(other, packet.ProtoTCP, 20_000), spoofed(packet.ProtoTCP, 20_000, 65535, 60)...), []string{"syn_flood scattered"}},
		"connections on many ports": {many(5000, func(i int, at float64) flowtable.Record {
			f := flow(other+uint32(i), inside, at)
			f.ServerPort = uint16(i)
			return f
		}), nil},
		"SYNs and UDP, both scattered": {append(spoofed(packet.ProtoTCP, 5000, 65535, 60), spoofed(packet.ProtoUDP, 5000, 65535, 60)...), []string{"syn_flood scattered", "udp_flood scattered"}},
	} {
		var got []string
		for _, a := range run(t, DefaultConfig(), append(ordinary(30), c.flows...)) {
			got = append(got, a.Kind+" "+a.Key)
			if a.Subject.Addr != detecttest.IPv4(inside) || a.HasPort == (a.Key == "scattered") {
				t.Errorf("%s: about %v, with a port %v", name, a.Subject, a.HasPort)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// The alert says over how many ports the flood comes, and from how many addresses: of those after the first 31 flows.
func TestFloodOverPortsSaysHowMany(t *testing.T) {
	alerts := run(t, DefaultConfig(), many(2000, func(i int, at float64) flowtable.Record {
		return noAnswer(packet.ProtoTCP, 1<<30+uint32(i%100), uint16(1000+i%500), 60, at)
	}))
	if len(alerts) != 1 {
		t.Fatalf("got %d alerts, want 1", len(alerts))
	}
	a := alerts[0]
	want := map[string]float64{"unanswered": 2000, "flows": 2000, "packets_up": 2000 - (promoted - 1), "sources": 100, "ports": 500}
	for _, r := range a.Reasons {
		n, ok := want[r.Feature]
		if delete(want, r.Feature); ok && (r.Value < 0.85*n || r.Value > 1.15*n) {
			t.Errorf("%s: got %v, want %v", r.Feature, r.Value, n)
		}
	}
	if len(want) > 0 || !strings.HasPrefix(a.Message, "SYN flood: 2000 flows to 10.0.0.5 in 10 s over about ") || a.Client.Version != 0 {
		t.Errorf("lacks %v; %q", want, a.Message)
	}
}
