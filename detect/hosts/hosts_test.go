package hosts

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// Percentiles and deviations are those of a sorted list: testdata/quantiles.py wrote the file.
func TestHistogramIsAList(t *testing.T) {
	text, err := os.ReadFile("testdata/quantiles.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Values           []int
		P90, Median, MAD float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	h := newHistogram(portIDs)
	for _, c := range cases {
		h.clear()
		for _, v := range c.Values {
			h.add(v, 1)
		}
		for name, pair := range map[string][2]float64{"90th percentile": {h.quantile(0.9), c.P90}, "median": {h.quantile(0.5), c.Median}, "deviation": {h.deviation(), c.MAD}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*math.Max(1, pair[1]) {
				t.Errorf("%s of %v: got %v, want %v", name, c.Values[:min(12, len(c.Values))], pair[0], pair[1])
			}
		}
	}
	if len(cases) < 40 {
		t.Errorf("%d cases", len(cases))
	}
}

// Port sets are sets, and give back what they took.
func TestPortSetIsASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var p pool
	p.sets.limit, p.bitmaps.limit = 2, 2
	for range 50 {
		var s portSet
		want := map[uint32]bool{}
		for range []int{5, 100, 3000}[random.IntN(3)] {
			id := portID([]uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP}[random.IntN(3)], uint16(random.IntN(random.IntN(65536)+1)))
			if p.add(&s, id) == want[id] {
				t.Fatalf("port %d is new: %v", id, want[id])
			}
			want[id] = true
		}
		if int(s.count) != len(want) || s.short {
			t.Fatalf("%d ports, want %d", s.count, len(want))
		}
		p.release(&s)
	}
	if p.sets.rejected+p.bitmaps.rejected > 0 || len(p.sets.all) > 1 || len(p.bitmaps.all) > 1 {
		t.Errorf("the pool grew: %d sets, %d bitmaps", len(p.sets.all), len(p.bitmaps.all))
	}
}

const sec = int64(time.Second)

type trace struct{ records []flowtable.Record }

func (t *trace) add(at int64, client, server packet.Addr, port uint16, answered bool) {
	r := flowtable.Record{ID: uint64(len(t.records) + 1), Version: 4, Proto: packet.ProtoTCP, Client: client, Server: server, ServerPort: port,
		Start: at * sec, End: at * sec, Written: at * sec, ConnState: flowtable.S0, State: flowtable.Connecting, Packets: [2]uint64{1, 0}, Bytes: [2]uint64{40, 0}}
	if answered {
		r.ConnState, r.State, r.Packets, r.Bytes = flowtable.SF, flowtable.Closed, [2]uint64{5, 5}, [2]uint64{400, 900}
	}
	t.records = append(t.records, r)
}

func addr(a, b, c, d byte) packet.Addr { return packet.AddrFrom4([]byte{a, b, c, d}) }

// others are fifty clients with three ports each of twenty-five servers.
func (t *trace) others(at int64) {
	for i := range byte(150) {
		t.add(at, addr(10, 0, 1, i/3), addr(10, 0, 0, i%25), []uint16{80, 443, 53}[i%3], true)
	}
}

// run returns what a detector says of records, which come so many at a time, and the detector.
func run(t *testing.T, cfg Config, records []flowtable.Record, group int) ([]detect.Alert, *Detector) {
	t.Helper()
	d := New(cfg)
	return detecttest.Run(t, d, records, group), d
}

func said(alerts []detect.Alert) (s []string) {
	for _, a := range alerts {
		s = append(s, fmt.Sprintf("%s %s %s %v over %v", a.Kind, a.Subject, a.Role, a.Reasons[0].Value, a.Reasons[0].Threshold))
	}
	return s
}

func TestHosts(t *testing.T) {
	ports := func(n int, each int64, client, server packet.Addr, answered bool) func(*trace) {
		return func(t *trace) {
			for i := range n {
				t.add(20+int64(i)*each/1000, client, server, uint16(1000+i), answered)
			}
		}
	}
	scanner, victim := addr(192, 0, 2, 1), addr(10, 0, 0, 1)
	for name, test := range map[string]struct {
		make func(*trace)
		want []string
	}{
		"as the others":                {func(*trace) {}, nil},
		"thirty ports of one host":     {ports(30, 100, scanner, victim, false), []string{"over_fence 192.0.2.1 client 30 over 10"}},
		"ten are not many":             {ports(10, 100, scanner, victim, false), nil},
		"a server on thirty":           {ports(30, 100, addr(10, 0, 1, 1), victim, true), []string{"over_fence 10.0.1.1 client 33 over 10", "over_fence 10.0.0.1 server 33 over 10"}},
		"1,000 at once: one alert":     {ports(1000, 0, scanner, victim, false), []string{"many_ports 192.0.2.1 client 1000 over 800"}},
		"1,000 in 50 s: each doubling": {ports(1000, 50, scanner, victim, false), []string{"many_ports 192.0.2.1 client 200 over 100", "many_ports 192.0.2.1 client 400 over 200", "many_ports 192.0.2.1 client 600 over 400", "many_ports 192.0.2.1 client 1000 over 800"}},
		"a hundred are not over":       {ports(100, 0, scanner, victim, false), []string{"over_fence 192.0.2.1 client 100 over 10"}},
		"the same port again": {func(t *trace) {
			ports(9, 0, scanner, victim, false)(t)
			ports(9, 0, scanner, addr(10, 0, 0, 2), false)(t)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trace
			tr.others(10)
			test.make(&tr)
			alerts, _ := run(t, DefaultConfig(), tr.records, 1)
			if diff := cmp.Diff(test.want, said(alerts)); diff != "" {
				t.Error(diff)
			}
			again, _ := run(t, DefaultConfig(), tr.records, 1009)
			if diff := cmp.Diff(alerts, again, cmpopts.EquateNaNs(), cmp.AllowUnexported(detect.Evidence{})); diff != "" {
				t.Errorf("with other groups: %s", diff)
			}
		})
	}
}

// Where it is a guess who asked for which port, a flow counts for neither end; a probe that nobody answered is no guess.
func TestGuessesCountForNobody(t *testing.T) {
	const answered = true
	of := func(proto uint8, flags uint8, server packet.Addr, answers bool) func(*trace) {
		return func(t *trace) {
			for i := range 150 {
				t.add(20, addr(192, 0, 2, 1), server, uint16(2000+i), answers)
				r := &t.records[len(t.records)-1]
				r.Proto, r.ClientPort, r.ClientBy, r.TCPFlags[flowtable.Up] = proto, 5560, flowtable.ByFirst, flags
				if r.State = flowtable.New; answers {
					r.State = flowtable.Established
				}
			}
		}
	}
	one := addr(10, 0, 0, 1)
	for name, test := range map[string]struct {
		make func(*trace)
		want int
	}{
		"UDP between high ports, both ways": {of(packet.ProtoUDP, 0, one, answered), 0},
		"UDP that nobody answers":           {of(packet.ProtoUDP, 0, one, !answered), 1},
		"UDP broadcasts":                    {of(packet.ProtoUDP, 0, addr(255, 255, 255, 255), !answered), 0},
		"UDP multicast":                     {of(packet.ProtoUDP, 0, addr(239, 1, 2, 3), !answered), 0},
		"TCP from the middle":               {of(packet.ProtoTCP, packet.ACK|packet.PSH, one, answered), 0},
		"TCP backscatter":                   {of(packet.ProtoTCP, packet.RST|packet.ACK, one, !answered), 0},
		"FIN scan":                          {of(packet.ProtoTCP, packet.FIN, one, !answered), 1},
	} {
		var tr trace
		tr.others(10)
		test.make(&tr)
		if alerts, _ := run(t, DefaultConfig(), tr.records, 1); len(alerts) != test.want {
			t.Errorf("%s: got %v, want %d", name, said(alerts), test.want)
		}
	}
}

func TestFewHostsHaveNoFence(t *testing.T) {
	var tr trace
	for i := range uint16(50) {
		tr.add(10, addr(10, 0, 0, 1), addr(10, 0, 0, 2), i, true)
	}
	if alerts, _ := run(t, DefaultConfig(), tr.records, 1); len(alerts) != 0 {
		t.Errorf("got %v", said(alerts))
	}
}

// Who was over the fence is so until below 0.8 of it; every window counts anew.
func TestStaysOverTheFence(t *testing.T) {
	var tr trace
	for w, n := range []int{30, 9, 8, 9} {
		tr.others(int64(600*w) + 10)
		for i := range n {
			tr.add(int64(600*w)+20, addr(192, 0, 2, 1), addr(10, 0, 0, 1), uint16(1000+i), false)
		}
	}
	cfg := detect.DefaultConfig()
	cfg.Suppress = 0
	var list detecttest.Alerts
	e := detect.NewEngine(cfg, []detect.Detector{New(DefaultConfig())}, &list)
	e.Flows(tr.records)
	_ = e.Close()
	if diff := cmp.Diff([]string{"over_fence 192.0.2.1 client 30 over 10", "over_fence 192.0.2.1 client 9 over 8"}, said(list)); diff != "" {
		t.Error(diff)
	}
}

// The distinct ports of each host and role are those of maps.
func TestCountsAreThoseOfMaps(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var tr trace
	want := map[key]map[uint16]bool{}
	for i := range 30_000 {
		client, server := addr(10, 0, 1, byte(random.IntN(60))), addr(10, 0, 0, byte(random.IntN(60)))
		port := uint16(random.IntN(int(client.Lo&63+1) * int(server.Lo&63+1)))
		answered := random.IntN(2) == 0
		tr.add(int64(i/1000), client, server, port, answered)
		for _, k := range []key{{client, 4, false}, {server, 4, true}} {
			if want[k] == nil {
				want[k] = map[uint16]bool{}
			}
			if !k.server || answered {
				want[k][port] = true
			}
		}
	}
	d := New(DefaultConfig())
	for i := range tr.records {
		f := detect.Flow{Record: &tr.records[i], ClientHash: tr.records[i].Client.Lo, ServerHash: tr.records[i].Server.Lo}
		d.Flows([]detect.Flow{f}, nil)
	}
	var counts [2][]int
	for k, h := range d.hosts.All() {
		if d.count(h) != len(want[k]) && len(want[k]) > 1 {
			t.Errorf("%v: %d ports, want %d", k, d.count(h), len(want[k]))
		}
		counts[index(k)] = append(counts[index(k)], len(want[k]))
	}
	for role, c := range counts {
		slices.Sort(c)
		if got := d.all[role].nth(len(c) / 2); got != c[len(c)/2] || d.all[role].n != len(c) {
			t.Errorf("role %d: median %d of %d, want %d of %d", role, got, d.all[role].n, c[len(c)/2], len(c))
		}
	}
}

// A million hosts stay within the caps, and the histogram within the table.
func TestCaps(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxHosts, cfg.MaxBusy, cfg.MaxScanned = 1000, 10, 1
	d := New(cfg)
	for i := range 1_000_000 {
		r := flowtable.Record{Version: 4, Proto: packet.ProtoTCP, Client: packet.Addr{Lo: uint64(i % 900_000)}, Server: addr(10, 0, 0, 1), ServerPort: uint16(i / 7), Packets: [2]uint64{1, 0}}
		if i%3 == 0 {
			r.Client = packet.Addr{Lo: uint64(i % 50)}
		}
		for range 2 {
			d.Flows([]detect.Flow{{Record: &r, ClientHash: r.Client.Lo * 0x9e3779b97f4a7c15}}, nil)
			r.ServerPort++
		}
	}
	for _, c := range d.Tables() {
		if c.Entries > c.Cap || c.Evicted+c.Rejected == 0 {
			t.Errorf("%+v", c)
		}
	}
	if d.all[0].n != d.hosts.Len() {
		t.Errorf("%d in the histogram, %d in the table", d.all[0].n, d.hosts.Len())
	}
}

func BenchmarkFlood(b *testing.B) {
	d := New(DefaultConfig())
	random := rand.New(rand.NewPCG(5, 6))
	r := flowtable.Record{Version: 4, Proto: packet.ProtoTCP, Server: addr(10, 0, 0, 1), ServerPort: 80}
	b.ReportAllocs()
	for b.Loop() {
		r.Client.Lo = uint64(random.Uint32())
		d.Flows([]detect.Flow{{Record: &r, ClientHash: r.Client.Lo * 0x9e3779b97f4a7c15}}, nil)
	}
}
