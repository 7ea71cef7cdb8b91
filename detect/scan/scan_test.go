package scan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// The constants of the publication: four straight failures are a scanner, three are not; four successes are benign; any
// path ends where the failures are four ahead. Wald's expected number of contacts is 5.41 either way.
func TestWalk(t *testing.T) {
	w := newWalk(DefaultConfig())
	for _, test := range []struct {
		path    string
		classic bool
		scanner bool
		at      float64 // in steps
	}{
		{"FFFF", true, true, 4}, {"FFF", true, false, 3}, {"SSSS", true, false, 0}, {"SSS", true, false, -3},
		{"SSSSFFFF", true, true, 4}, {"SSSFFFFFF", true, false, 3}, {"FSFSFFFSFF", true, true, 4},
		{"SSSFFFF", false, true, 4}, {"FFFSSSSSFFF", false, false, 3},
	} {
		at, scanner := float32(0), false
		for _, c := range test.path {
			at = w.step(at, c == 'F', test.classic)
			scanner = scanner || at >= w.scanner
		}
		if scanner != test.scanner || math.Abs(float64(at)/math.Log(4)-test.at) > 1e-6 {
			t.Errorf("%s: scanner %v at %v; want %v at %v steps", test.path, scanner, float64(at)/math.Log(4), test.scanner, test.at)
		}
	}
	if ratio := math.Exp(float64(w.scanner)); math.Abs(ratio-99) > 1e-3 {
		t.Errorf("scanner at a ratio of %v, want 99", ratio)
	}
	step := 0.6 * float64(w.fail) // expected, of a scanner: 0.8 up, 0.2 down
	if n := (0.99*float64(w.scanner) + 0.01*float64(w.benign)) / step; math.Abs(n-5.41) > 0.005 {
		t.Errorf("expected contacts %v, want 5.41", n)
	}
}

const sec = int64(time.Second)

// trace is flow records in the order of their times.
type trace struct{ records []flowtable.Record }

func v4(s string) packet.Addr {
	var b [4]byte
	fmt.Sscanf(s, "%d.%d.%d.%d", &b[0], &b[1], &b[2], &b[3])
	return packet.AddrFrom4(b[:])
}

// add adds a flow that is written at a time, in seconds; its history says what it was: S, Sr, ShADadFf...; UDP: D, Dd.
func (t *trace) add(at float64, proto uint8, client, server string, port uint16, history string) *flowtable.Record {
	written := int64(at * float64(sec))
	r := flowtable.Record{ID: uint64(len(t.records) + 1), Version: 4, Proto: proto, Client: v4(client), Server: v4(server), ClientPort: 40000,
		ServerPort: port, Start: written - 5*sec, End: written - 5*sec, Written: written, EndReason: flowtable.EndTCP}
	for _, c := range history {
		d := flowtable.Up
		if c >= 'a' {
			d = flowtable.Down
		}
		r.Packets[d]++
		r.Bytes[d] += 40
		switch c {
		case 'D', 'd':
			r.Payload[d] += 100
			r.TCPFlags[d] |= packet.ACK
		case 'A', 'a':
			r.TCPFlags[d] |= packet.ACK
		case 'S':
			r.TCPFlags[d] |= packet.SYN
		case 'h':
			r.TCPFlags[d] |= packet.SYN | packet.ACK
		case 'R', 'r':
			r.TCPFlags[d] |= packet.RST
		case 'F', 'f':
			r.TCPFlags[d] |= packet.FIN
		}
	}
	if proto != packet.ProtoTCP {
		r.TCPFlags = [2]uint8{}
		r.State, r.ConnState = flowtable.New, flowtable.S0
		if r.Packets[flowtable.Down] > 0 {
			r.State, r.ConnState = flowtable.Established, flowtable.SF
		}
	} else {
		r.ConnState, r.State = tcpStates(&r, history)
	}
	t.records = append(t.records, r)
	return &t.records[len(t.records)-1]
}

func tcpStates(r *flowtable.Record, history string) (flowtable.ConnState, flowtable.State) {
	switch history {
	case "S":
		return flowtable.S0, flowtable.Connecting
	case "Sr":
		return flowtable.REJ, flowtable.Reset
	case "Sh":
		return flowtable.S1, flowtable.Connecting
	case "ShR":
		return flowtable.RSTO, flowtable.Reset
	case "r", "Fr":
		r.ClientBy = flowtable.ByFirst
		return flowtable.RSTRH, flowtable.Reset
	case "^h", "^hR":
		r.ClientBy = flowtable.BySYNACK
		return flowtable.OTH, flowtable.Reset
	case "SAD":
		return flowtable.S0, flowtable.Connecting
	}
	return flowtable.SF, flowtable.Closed
}

// run returns what a detector says of records, which come so many at a time, and the detector.
func run(t *testing.T, cfg Config, records []flowtable.Record, group int) ([]detect.Alert, *Detector) {
	t.Helper()
	d := New(cfg)
	return detecttest.Run(t, d, records, group), d
}

// said is what the alerts say in short.
func said(alerts []detect.Alert) (s []string) {
	for _, a := range alerts {
		s = append(s, fmt.Sprintf("%s %s %s hosts=%v ports=%v targets=%v", a.Subject, a.Kind, a.Severity, value(a, "failed_hosts"), value(a, "failed_ports"), value(a, "failed_targets")))
	}
	return s
}

func value(a detect.Alert, feature string) float64 {
	for _, r := range a.Reasons {
		if r.Feature == feature {
			return r.Value
		}
	}
	return -1
}

func (t *trace) browse(at float64, client string, from, n int) {
	for i := range n {
		t.add(at, packet.ProtoTCP, client, fmt.Sprintf("198.51.100.%d", from+i), 443, "ShADadFf")
	}
}

// Each finding stands beside a twin in which nothing is wrong.
func TestScans(t *testing.T) {
	const scanner = "10.0.0.9"
	hosts := func(n int, history string, port func(i int) uint16) func(*trace) {
		return func(tr *trace) {
			for i := range n {
				tr.add(100+float64(i)/50, packet.ProtoTCP, scanner, fmt.Sprintf("203.0.113.%d", i+1), port(i), history)
			}
		}
	}
	fixed := func(port uint16) func(int) uint16 { return func(int) uint16 { return port } }
	for name, test := range map[string]struct {
		make func(*trace)
		want []string
	}{
		"1,000 ports of one host: one alert": {func(tr *trace) {
			for i := range 1000 {
				tr.add(100+float64(i)/100, packet.ProtoTCP, scanner, "203.0.113.7", uint16(i+1), "Sr")
			}
		}, []string{"10.0.0.9 port_scan medium hosts=1 ports=1000 targets=1000"}},
		"a slower one goes on for minutes: one alert": {func(tr *trace) {
			for i := range 1000 {
				tr.add(100+float64(i)/10, packet.ProtoTCP, "192.0.2.4", "10.0.0.7", uint16(i+1), "S")
			}
		}, []string{"192.0.2.4 port_scan low hosts=1 ports=700 targets=700"}},
		"nine ports of one host": {func(tr *trace) {
			for i := range 9 {
				tr.add(100, packet.ProtoTCP, scanner, "203.0.113.7", uint16(i+1), "S")
			}
		}, nil},
		"hosts on one port":                                 {hosts(50, "S", fixed(22)), []string{"10.0.0.9 address_scan medium hosts=50 ports=1 targets=50"}},
		"FIN probes":                                        {hosts(50, "Fr", fixed(22)), []string{"10.0.0.9 address_scan medium hosts=50 ports=1 targets=50"}},
		"six hosts on one port":                             {hosts(6, "S", fixed(22)), nil},
		"SYN-ACKs to us: backscatter":                       {hosts(50, "^h", fixed(80)), nil},
		"RSTs to backscatter":                               {hosts(50, "^hR", fixed(80)), nil},
		"a view of one direction only":                      {hosts(50, "SAD", fixed(443)), nil},
		"peers, each on its own port":                       {hosts(50, "S", func(i int) uint16 { return uint16(20000 + 7*i) }), nil},
		"peers on the port that their network is known for": {hosts(50, "S", fixed(6346)), nil},
		"UDP peers": {func(tr *trace) {
			for i := range 100 {
				tr.add(100, packet.ProtoUDP, scanner, fmt.Sprintf("203.0.113.%d", i), uint16(20000+i%30), "D")
			}
		}, nil},
		"8 ports of 8 hosts": {func(tr *trace) {
			for i := range 64 {
				tr.add(100, packet.ProtoTCP, scanner, fmt.Sprintf("203.0.113.%d", i/8), uint16(i%8+20), "Sr")
			}
		}, []string{"10.0.0.9 random_scan medium hosts=8 ports=8 targets=64"}},
		"most contacts are taken": {func(tr *trace) {
			for i := range 200 {
				history := "ShADadFf"
				if i%5 == 0 {
					history = "S"
				}
				tr.add(100+float64(i), packet.ProtoTCP, scanner, fmt.Sprintf("203.0.113.%d", i), 80, history)
			}
		}, nil},
		"a host that begins to scan after a day's work": {func(tr *trace) {
			tr.browse(10, scanner, 0, 200)
			hosts(20, "S", fixed(23))(tr)
		}, []string{"10.0.0.9 address_scan medium hosts=20 ports=1 targets=20"}},
		"peers that are gone are asked again and again": {func(tr *trace) {
			for i := range 120 {
				tr.add(100+float64(i)/4, packet.ProtoTCP, scanner, fmt.Sprintf("203.0.113.%d", i%12), 51413, "Sr")
			}
		}, nil},
		"known servers that are gone": {func(tr *trace) {
			tr.browse(10, scanner, 0, 40)
			for i := range 40 {
				tr.add(1000, packet.ProtoTCP, scanner, fmt.Sprintf("198.51.100.%d", i), 443, "S")
			}
		}, nil},
		"one server that is gone, by many clients": {func(tr *trace) {
			for i := range 200 {
				tr.add(100+float64(i), packet.ProtoTCP, fmt.Sprintf("10.0.1.%d", i), "203.0.113.7", 443, "S")
			}
		}, nil},
		"one host an hour": {func(tr *trace) {
			for i := range 20 {
				tr.add(float64(3600*i+100), packet.ProtoTCP, scanner, fmt.Sprintf("203.0.113.%d", i), 3389, "S")
			}
		}, []string{"10.0.0.9 address_scan medium hosts=7 ports=1 targets=7",
			"10.0.0.9 address_scan medium hosts=14 ports=1 targets=14"}},
		"UDP ports": {func(tr *trace) {
			for i := range 42 {
				tr.add(100, packet.ProtoUDP, "192.0.2.4", fmt.Sprintf("10.0.0.%d", i%3), uint16(i/3+100), "D")
			}
		}, []string{"192.0.2.4 port_scan low hosts=3 ports=14 targets=42"}},
		"traceroute": {func(tr *trace) {
			for i := range 90 {
				tr.add(100, packet.ProtoUDP, scanner, "203.0.113.7", uint16(33434+i), "D")
			}
		}, nil},
		"NTP without answers": {func(tr *trace) {
			for i := range 16 {
				tr.add(100+float64(64*i), packet.ProtoUDP, scanner, fmt.Sprintf("203.0.113.%d", i), 123, "D")
			}
		}, nil},
		"QUIC is blocked, TCP is not": {func(tr *trace) {
			for i := range 100 {
				tr.browse(100+float64(i), scanner, i, 1)
				tr.add(100+float64(i), packet.ProtoUDP, scanner, fmt.Sprintf("198.51.100.%d", i), 443, "DDD")
			}
		}, nil},
		"echo requests": {func(tr *trace) {
			for i := range 100 {
				tr.add(100, packet.ProtoICMP, "192.0.2.4", fmt.Sprintf("10.0.0.%d", i), 0, "D").ClientPort = 8
			}
		}, []string{"192.0.2.4 address_scan low hosts=100 ports=0 targets=100"}},
		"unreachables": {func(tr *trace) {
			for i := range 100 {
				tr.add(100, packet.ProtoICMP, "192.0.2.4", fmt.Sprintf("10.0.0.%d", i), 1, "D").ClientPort = 3
			}
		}, nil},
		"an outage: nobody is answered": {func(tr *trace) {
			for i := range 600 {
				tr.add(100+float64(i)/10, packet.ProtoTCP, fmt.Sprintf("10.0.1.%d", i%30), fmt.Sprintf("203.0.113.%d", i/30), 443, "S")
			}
		}, nil},
		"handshakes given up": {func(tr *trace) {
			for i := range 300 {
				tr.add(100+float64(i)/1000, packet.ProtoTCP, "192.0.2.4", "10.0.0.7", 80, "ShR")
			}
		}, []string{"192.0.2.4 half_open low hosts=-1 ports=-1 targets=-1"}},
		"a balancer's health checks": {func(tr *trace) {
			for i := range 300 {
				tr.add(100+float64(2*i), packet.ProtoTCP, "192.0.2.4", "10.0.0.7", 80, "ShR")
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trace
			test.make(&tr)
			alerts, _ := run(t, DefaultConfig(), tr.records, 1)
			if diff := cmp.Diff(test.want, said(alerts)); diff != "" {
				t.Fatal(diff)
			}
			all, _ := run(t, DefaultConfig(), tr.records, 7919)
			if diff := cmp.Diff(alerts, all, cmpopts.EquateNaNs(), cmp.AllowUnexported(detect.Evidence{})); diff != "" {
				t.Errorf("with other groups: %s", diff)
			}
		})
	}
}

func TestClassicNeedsFourFailures(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Classic = true
	for n, want := range map[int]int{3: 0, 4: 1} {
		var tr trace
		for i := range n {
			tr.add(100, packet.ProtoTCP, "192.0.2.4", fmt.Sprintf("10.0.0.%d", i), 445, "S")
		}
		if alerts, _ := run(t, cfg, tr.records, 1); len(alerts) != want {
			t.Errorf("%d failures: %d alerts, want %d", n, len(alerts), want)
		}
	}
}

// A million spoofed sources are candidates at most, and do not make the detector forget the scanner among them.
func TestFloodIsNoScanAndForgetsNone(t *testing.T) {
	const n = 1_000_000
	random := rand.New(rand.NewPCG(1, 2))
	var tr trace
	tr.records = make([]flowtable.Record, 0, n+100)
	for i := range n {
		at := 100 + float64(i)/100_000
		r := tr.add(at, packet.ProtoTCP, "0.0.0.0", "10.0.0.7", 80, "S")
		r.Client = packet.Addr{Lo: 0xffff_0000_0000 | uint64(random.Uint32())}
		if i%50_000 < 3 {
			tr.add(at, packet.ProtoTCP, "10.9.9.9", fmt.Sprintf("203.0.113.%d", i/50_000*3+i%50_000), 23, "S")
		}
	}
	alerts, d := run(t, DefaultConfig(), tr.records, 10_000)
	if diff := cmp.Diff([]string{"10.9.9.9 address_scan medium hosts=60 ports=1 targets=60"}, said(alerts)); diff != "" {
		t.Error(diff)
	}
	for _, c := range d.Tables() {
		t.Logf("%+v", c)
		if c.Entries > c.Cap {
			t.Errorf("%s holds %d of %d", c.Name, c.Entries, c.Cap)
		}
		if c.Name == "sources" && c.Evicted > 0 || c.Name == "contacts" && c.Entries > 1000 {
			t.Errorf("the flood got into %s: %+v", c.Name, c)
		}
	}
}

// A scanner that the table has no room for any more is reported when it is forgotten.
func TestForgottenScannersAreReported(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSources = 10
	var tr trace
	for source := range 30 {
		for i := range 12 {
			tr.add(100, packet.ProtoTCP, fmt.Sprintf("192.0.2.%d", source), fmt.Sprintf("10.0.0.%d", i), 23, "S")
		}
	}
	alerts, _ := run(t, cfg, tr.records, 1)
	degraded := 0
	for _, a := range alerts {
		if a.Status == detect.Degraded {
			degraded++
		}
	}
	if len(alerts) != 30 || degraded != 20 {
		t.Errorf("%d alerts, %d of them degraded; want 30 and 20", len(alerts), degraded)
	}
}

func TestMessageNamesWhatWasAsked(t *testing.T) {
	var tr trace
	for i := range 20 {
		tr.add(100+float64(i), packet.ProtoTCP, "10.0.0.9", fmt.Sprintf("203.0.113.%d", i), uint16(22+i%2), "S")
	}
	alerts, _ := run(t, DefaultConfig(), tr.records, 1)
	if len(alerts) != 1 || !strings.HasPrefix(alerts[0].Message, "10.0.0.9 asked 20 hosts on tcp ports 22, 23 within 19s") {
		t.Errorf("got %v", alerts)
	}
	if alerts[0].Evidence.Total != 20 || alerts[0].Server.Version != 0 || alerts[0].HasPort {
		t.Errorf("got %+v", alerts[0])
	}
}

func BenchmarkFlood(b *testing.B) {
	var list detecttest.Alerts
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{New(DefaultConfig())}, &list)
	var tr trace
	for range 10_000 {
		tr.add(100, packet.ProtoTCP, "0.0.0.0", "10.0.0.7", 80, "S")
	}
	b.ReportAllocs()
	b.ResetTimer()
	random, at := rand.New(rand.NewPCG(1, 2)), int64(0)
	for n := 0; n < b.N; n += len(tr.records) {
		for i := range tr.records {
			at += 2000
			tr.records[i].Written, tr.records[i].Client.Lo = at, 0xffff_0000_0000|uint64(random.Uint32())
		}
		e.Flows(tr.records)
		_ = e.Advance(at)
	}
}
