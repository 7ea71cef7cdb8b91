package detectors_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// started returns an engine of the default detectors.
func started(tb testing.TB) *detect.Engine {
	tb.Helper()
	cfg := detectors.DefaultConfig()
	cfg.Detectors = []string{detectors.Default}
	made, err := detectors.New(cfg, features.DefaultConfig())
	if err != nil {
		tb.Fatal(err)
	}
	return detect.NewEngine(cfg.Config, made, &lastAlerts{place: map[string]int{}})
}

// judge hands records to the engine as a run does.
func judge(tb testing.TB, e *detect.Engine, records []flowtable.Record) {
	tb.Helper()
	e.Flows(records)
	if err := e.Advance(records[len(records)-1].Written); err != nil {
		tb.Fatal(err)
	}
}

func v4(a uint32) packet.Addr {
	return packet.AddrFrom4([]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// attempt makes a TCP flow at t, ns, that lasts a second; it is answered, or a SYN alone.
func attempt(id uint64, t int64, client, server uint32, port uint16, answered bool) flowtable.Record {
	r := flowtable.Record{ID: id, Start: t - 1e9, End: t, Written: t, Version: 4, Proto: packet.ProtoTCP, Client: v4(client), Server: v4(server),
		ClientPort: uint16(1024 + id%60000), ServerPort: port, ClientBy: flowtable.BySYN, ConnState: flowtable.S0, RTT: -1,
		Packets: [2]uint64{1, 0}, Bytes: [2]uint64{60, 0}, TCPFlags: [2]uint8{packet.SYN, 0}}
	if answered {
		r.ConnState, r.State, r.RTT = flowtable.SF, flowtable.Established, 1e6
		r.Packets, r.Bytes, r.Payload = [2]uint64{6, 6}, [2]uint64{800, 9000}, [2]uint64{500, 8700}
		r.TCPFlags = [2]uint8{packet.SYN | packet.ACK | packet.FIN, packet.SYN | packet.ACK | packet.FIN}
	}
	return r
}

// The state of all default detectors together stays below 512 MiB with a million hosts: half of them are ours and are
// answered, contact each other and the outside, and try ports; half are strangers who ask and get no answer.
func TestStateOfAMillionHosts(t *testing.T) {
	const hosts, most = 1_000_000, 512 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	e := started(t)
	rng := rand.New(rand.NewPCG(1, 2))
	group, largest := make([]flowtable.Record, 0, 1000), uint64(0)
	for i := range uint64(hosts) {
		at := 1_700_000_000e9 + int64(i)*300_000 // 5 minutes
		client, server := uint32(10<<24)+uint32(i/2), uint32(10<<24)+rng.Uint32N(hosts/2)
		answered := i%2 == 0
		switch {
		case !answered:
			client = 0x50000000 + uint32(i/2)
		case i%4 == 0:
			server = 0x60000000 + rng.Uint32N(1<<24)
		}
		group = append(group, attempt(i+1, at, client, server, uint16(1+rng.Uint32N(1024)), answered))
		if len(group) == cap(group) {
			judge(t, e, group)
			group = group[:0]
		}
		if i%(hosts/4) == hosts/4-1 {
			largest = max(largest, heap())
		}
	}
	state := largest - before
	t.Logf("%d MiB for %d hosts", state>>20, hosts)
	if state > most {
		t.Errorf("%d MiB for %d hosts, want at most %d", state>>20, hosts, most>>20)
	}
	for _, d := range e.Counters().Detectors {
		for _, c := range d.Tables {
			if c.Entries > c.Cap {
				t.Errorf("%s: %+v", d.Name, c)
			}
		}
	}
	runtime.KeepAlive(e)
}

// BenchmarkFlood says how many new flows a second all default detectors take in a SYN flood from spoofed sources, on one
// core.
func BenchmarkFlood(b *testing.B) {
	e, rng := started(b), rand.New(rand.NewPCG(1, 2))
	group, id := make([]flowtable.Record, 1000), uint64(0)
	for b.Loop() {
		for i := range group {
			id++
			group[i] = attempt(id, 1_700_000_000e9+int64(id)*1000, rng.Uint32(), 10<<24|1, 80, false) // a million a second
		}
		judge(b, e, group)
	}
	b.ReportMetric(float64(b.N*len(group))/b.Elapsed().Seconds(), "flows/s")
}
