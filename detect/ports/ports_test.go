package ports

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

const sec = int64(time.Second)

func addr(a, b, c, d byte) packet.Addr { return packet.AddrFrom4([]byte{a, b, c, d}) }

// flow is an answered one that is written at a second.
func flow(at int64, proto uint8, client, server packet.Addr, port uint16) flowtable.Record {
	return flowtable.Record{ID: uint64(at)<<16 | uint64(port), Version: 4, Proto: proto, Client: client, Server: server, ClientPort: 40000, ServerPort: port,
		Start: (at - 3) * sec, End: (at - 1) * sec, Written: at * sec, State: flowtable.Established, ConnState: flowtable.SF,
		Packets: [2]uint64{3, 2}, Bytes: [2]uint64{300, 200}}
}

// run returns what a detector says of records, which come so many at a time, and the detector.
func run(t *testing.T, cfg Config, records []flowtable.Record, group int) ([]detect.Alert, *Detector) {
	t.Helper()
	d := New(cfg)
	return detecttest.Run(t, d, records, group), d
}

// The figures are those of plain maps.
func TestPortsAreThoseOfMaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	type figures struct {
		Port
		clients, servers map[packet.Addr]bool
	}
	want, records := map[service]*figures{}, []flowtable.Record(nil)
	for i := range 20_000 {
		r := flow(100+int64(i/10), []uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP}[random.IntN(3)],
			addr(10, 0, byte(random.IntN(4)), byte(random.IntN(256))), addr(192, 0, 2, byte(random.IntN(40))), uint16(random.IntN(30)))
		r.Bytes = [2]uint64{random.Uint64N(1000), random.Uint64N(1000)}
		r.Part = uint32(random.IntN(3) / 2)
		if random.IntN(3) == 0 {
			r.State, r.ConnState = flowtable.New, flowtable.S0
		}
		records = append(records, r)
		if r.Proto == packet.ProtoICMP || r.State == flowtable.New {
			continue
		}
		s := service{r.Proto, r.ServerPort}
		f := want[s]
		if f == nil {
			f = &figures{Port{Proto: s.proto, Port: s.port, First: r.Start}, map[packet.Addr]bool{}, map[packet.Addr]bool{}}
			want[s] = f
		}
		f.BytesUp, f.BytesDown, f.Last = f.BytesUp+r.Bytes[0], f.BytesDown+r.Bytes[1], r.End
		if r.Part == 0 {
			f.Flows++
			f.clients[r.Client], f.servers[r.Server] = true, true
		}
	}
	_, d := run(t, DefaultConfig(), records, 1000)
	got := d.Ports()
	if len(got) != len(want) {
		t.Fatalf("%d ports, want %d", len(got), len(want))
	}
	if !slices.IsSortedFunc(got, func(a, b Port) int { return cmp.Compare(b.BytesUp+b.BytesDown, a.BytesUp+a.BytesDown) }) {
		t.Error("not sorted by bytes")
	}
	for _, p := range got {
		w := want[service{p.Proto, p.Port}]
		clients, servers := len(w.clients), len(w.servers)
		if clients > sketch.ExactMax {
			if math.Abs(float64(p.Clients-clients)) > 4*0.0325*float64(clients) {
				t.Errorf("%d clients, want %d", p.Clients, clients)
			}
			clients = p.Clients
		}
		w.Port.Clients, w.Port.Servers = clients, servers
		if diff := gocmp.Diff(w.Port, p); diff != "" {
			t.Error(diff)
		}
	}
}

// quietNetwork is ten servers and ten clients that do the same for days, one batch after another.
func quietNetwork(batches int) (records []flowtable.Record) {
	for b := range batches {
		for i := range byte(10) {
			records = append(records, flow(int64(b)*600+100, packet.ProtoTCP, addr(10, 0, 1, i), addr(10, 0, 0, i), 22+uint16(i%3)))
		}
	}
	return records
}

func said(alerts []detect.Alert) (s []string) {
	for _, a := range alerts {
		s = append(s, fmt.Sprintf("%s %s %s %d", a.Kind, a.Subject, a.Role, a.ServerPort))
	}
	return s
}

func TestFirstUses(t *testing.T) {
	const day = 144 // batches
	base := quietNetwork(2 * day)
	now := base[len(base)-1].Written / sec
	for name, test := range map[string]struct {
		more []flowtable.Record
		want []string
	}{
		"nothing":   {nil, nil},
		"a port":    {[]flowtable.Record{flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), 4444)}, []string{"new_port 10.0.0.1 server 4444"}},
		"a service": {[]flowtable.Record{flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), 22)}, []string{"new_service 10.0.0.1 server 22"}},
		"a use":     {[]flowtable.Record{flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 0), 22)}, []string{"new_use 10.0.1.1 client 22"}},
		"a popular port": {[]flowtable.Record{flow(now-1, packet.ProtoTCP, addr(192, 0, 2, 1), addr(192, 0, 2, 2), 443),
			flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(192, 0, 2, 2), 443)}, nil},
		"the same by UDP is another port": {[]flowtable.Record{flow(now, packet.ProtoUDP, addr(10, 0, 1, 1), addr(10, 0, 0, 0), 22)}, []string{"new_port 10.0.0.0 server 22"}},
		"a known pair":                    {[]flowtable.Record{flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), 23)}, nil},
		"a probe": {func() (r []flowtable.Record) {
			for port := range uint16(1000) {
				f := flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), port+1000)
				f.State, f.ConnState = flowtable.Connecting, flowtable.S0
				r = append(r, f)
			}
			return r
		}(), nil},
		"others' servers": {[]flowtable.Record{flow(now, packet.ProtoTCP, addr(192, 0, 2, 7), addr(192, 0, 2, 1), 4444)}, nil},
		"many at once: one alert": {func() (r []flowtable.Record) {
			for port := range uint16(50) {
				r = append(r, flow(now, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), port+1000))
			}
			return r
		}(), []string{"new_port 10.0.0.1 server 1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			records := append(slices.Clone(base), test.more...)
			alerts, _ := run(t, DefaultConfig(), records, 1)
			if diff := gocmp.Diff(test.want, said(alerts)); diff != "" {
				t.Error(diff)
			}
			again, _ := run(t, DefaultConfig(), records, 1009)
			if diff := gocmp.Diff(alerts, again, cmpopts.EquateNaNs(), gocmp.AllowUnexported(detect.Evidence{})); diff != "" {
				t.Errorf("with other groups: %s", diff)
			}
			if early, _ := run(t, DefaultConfig(), append(quietNetwork(day/2), test.more...), 1000); len(test.more) > 0 && test.more[0].Written > 86400*sec && len(early) > len(test.want) {
				t.Errorf("early: %v", said(early))
			}
		})
	}
}

// Nothing is said in the learning period; where first uses are common they are none.
func TestLearning(t *testing.T) {
	var records []flowtable.Record
	for i := range 1000 {
		records = append(records, flow(int64(i)*60+100, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), uint16(2000+i)))
	}
	if alerts, _ := run(t, DefaultConfig(), records, 100); len(alerts) != 0 {
		t.Errorf("in the first day: %v", said(alerts)[:1])
	}
	for i := range 5000 {
		records = append(records, flow(60100+int64(i)*60, packet.ProtoTCP, addr(10, 0, 1, 1), addr(10, 0, 0, 1), uint16(3000+i)))
	}
	if alerts, _ := run(t, DefaultConfig(), records, 100); len(alerts) != 0 {
		t.Errorf("where they are common: %d, %v", len(alerts), said(alerts)[:1])
	}
}

// What is new is so to a plain map, in all but one of a hundred cases.
func TestKnownIsAMap(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxKnown = 40_000
	d := New(cfg)
	random := rand.New(rand.NewPCG(3, 4))
	known, events, wrong := map[string]bool{}, 0, 0
	for i := range 20_000 {
		r := flow(100+int64(i/100), packet.ProtoTCP, addr(10, 1, byte(random.IntN(5)), byte(random.IntN(20))), addr(10, 0, 0, byte(random.IntN(60))), uint16(random.IntN(100)))
		f := detect.Flow{Record: &r, Time: r.Written, ClientLocal: true, ServerLocal: true}
		before := d.total()
		d.Flows([]detect.Flow{f}, nil)
		port := fmt.Sprint("p", r.ServerPort)
		server, client := fmt.Sprint(r.Server, r.ServerPort), fmt.Sprint(r.Client, "c", r.ServerPort)
		fresh := !known[port] || !known[server] || !known[client]
		known[port], known[server], known[client] = true, true, true
		if fresh {
			events++
		}
		if (d.total() > before) != fresh {
			wrong++
		}
	}
	if wrong > events/100 {
		t.Errorf("%d of %d first uses are not those of a map", wrong, events)
	}
}

func (d *Detector) total() (n uint32) {
	for _, e := range d.events.All() {
		n += e.count
	}
	return n
}

// Values of math.fsum(exp(k*log(l) - l - lgamma(k+1)) for k in range(n, n+400)) in Python.
func TestTail(t *testing.T) {
	for _, test := range []struct {
		n    int
		l, p float64
	}{
		{1, 0.01, 0.009950166250831954}, {1, 0.5, 0.39346934028736663}, {3, 0.5, 0.01438767796697069},
		{5, 10, 0.9707473119230419}, {20, 10, 0.0034543419758568334}, {50, 0.1, 2.9809043504737076e-115},
	} {
		if got := tail(test.n, test.l); math.Abs(math.Log(got/test.p)) > 1e-9 {
			t.Errorf("P(Poisson(%v) >= %d) = %v, want %v", test.l, test.n, got, test.p)
		}
	}
	if got, want := surprise(0, 1000), math.Log2(67536); math.Abs(got-want) > 1e-12 {
		t.Errorf("surprise %v bits, want %v", got, want)
	}
}

// Hundreds of thousands of ports and hosts do not outgrow the caps.
func TestCaps(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxPorts, cfg.MaxKnown, cfg.MaxEvents = 100, 10_000, 1000
	d := New(cfg)
	for i := range 300_000 {
		r := flow(100, packet.ProtoTCP, addr(10, byte(i>>16), byte(i>>8), byte(i)), addr(10, 0, 0, 1), uint16(i))
		d.Flows([]detect.Flow{{Record: &r, Time: r.Written, ClientLocal: true, ClientHash: sketch.Hash(0, uint64(i))}}, nil)
	}
	for _, c := range d.Tables() {
		if c.Entries > c.Cap || c.Evicted == 0 {
			t.Errorf("%+v", c)
		}
	}
}

func BenchmarkFlows(b *testing.B) {
	d := New(DefaultConfig())
	var flows []detect.Flow
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 100_000 {
		r := flow(100, packet.ProtoTCP, addr(10, 0, byte(random.IntN(200)), byte(i)), addr(192, 0, byte(random.IntN(20)), byte(random.IntN(255))), []uint16{80, 443, 53}[i%3])
		flows = append(flows, detect.Flow{Record: &r, Time: r.Written, ClientLocal: true})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i * 100 % len(flows)
		d.Flows(flows[at:at+100], nil)
	}
}
