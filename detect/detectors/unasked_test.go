package detectors_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	ours   = 10<<24 | 1<<16   // 10.1.0.0
	theirs = 203<<24 | 113<<8 // 203.0.113.0
	minute = int64(60e9)
)

// answer makes a flow of which a packet of the server's was seen and none of the client's.
func answer(id uint64, t int64, client, server uint32, proto uint8, port uint16) flowtable.Record {
	r := attempt(id, t, client, server, port, false)
	r.Proto, r.State, r.ConnState, r.ClientBy = proto, flowtable.New, flowtable.OTH, flowtable.ByPort
	r.Packets, r.Bytes, r.Payload, r.TCPFlags = [2]uint64{0, 1}, [2]uint64{0, 1200}, [2]uint64{0, 1160}, [2]uint8{0, packet.PSH | packet.ACK}
	return r
}

func synAck(id uint64, t int64, client, server uint32, port uint16) flowtable.Record {
	r := answer(id, t, client, server, packet.ProtoTCP, port)
	r.State, r.ClientBy, r.TCPFlags[flowtable.Down] = flowtable.Connecting, flowtable.BySYNACK, packet.SYN|packet.ACK
	r.Bytes, r.Payload = [2]uint64{0, 40}, [2]uint64{}
	return r
}

func reset(id uint64, t int64, client, server uint32, port uint16) flowtable.Record {
	r := synAck(id, t, client, server, port)
	r.State, r.ConnState, r.ClientBy, r.TCPFlags[flowtable.Down] = flowtable.New, flowtable.RSTRH, flowtable.ByPort, packet.RST|packet.ACK
	return r
}

// said returns the kinds of alerts of all detectors about what happens beside a quarter of an hour of ordinary connections.
func said(t *testing.T, what func(i int, at int64) flowtable.Record) (all []string) {
	t.Helper()
	const begin = 1_700_000_000_000_000_000
	var records []flowtable.Record
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 3000 {
		at := begin + r.Int64N(15*minute)
		records = append(records, attempt(uint64(i), at, ours+100+uint32(i%20), 198<<24+uint32(i*7%50), 443, true))
	}
	for i := range 4000 {
		r := what(i, begin+10*minute+int64(i)*minute/15/4000)
		r.ID += 10_000
		records = append(records, r)
	}
	slices.SortStableFunc(records, func(a, b flowtable.Record) int { return cmp.Compare(a.Written, b.Written) })
	cfg := detectors.DefaultConfig()
	cfg.Detectors = []string{detectors.Default}
	made, err := detectors.New(cfg, features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	sink := &lastAlerts{place: map[string]int{}}
	e := detect.NewEngine(cfg.Config, made, sink)
	for part := range slices.Chunk(records, 500) {
		judge(t, e, part)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range sink.alerts {
		if a.Role != detect.Network { // as which it is a change, and nobody's
			all = append(all, a.Detector+" "+a.Kind+" "+a.Subject.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Who is sent answers to what others asked in its name did nothing, and nobody says it did; a scan with as many targets is found.
func TestUnaskedAnswersAccuseNobody(t *testing.T) {
	const victim = ours + 20
	for name, c := range map[string]struct {
		flow func(i int, at int64) flowtable.Record
		want []string
	}{
		"handshakes accepted, of 500 servers": {func(i int, at int64) flowtable.Record {
			return synAck(uint64(i), at, victim, theirs+uint32(i%500), 443)
		}, nil},
		"resets, of 500 servers": {func(i int, at int64) flowtable.Record {
			return reset(uint64(i), at, victim, theirs+uint32(i%500), 443)
		}, nil},
		"handshakes accepted, on 500 ports of a server": {func(i int, at int64) flowtable.Record {
			return synAck(uint64(i), at, victim, theirs, uint16(1+i%500))
		}, nil},
		"datagrams of 4,000 servers": {func(i int, at int64) flowtable.Record {
			return answer(uint64(i), at, victim, theirs+uint32(i), packet.ProtoUDP, 500)
		}, nil},
		"datagrams of a server's port": {func(i int, at int64) flowtable.Record {
			return answer(uint64(i), at, ours+uint32(i), theirs, packet.ProtoUDP, 500)
		}, nil},
		"DNS answers of 500 servers": {func(i int, at int64) flowtable.Record {
			return answer(uint64(i), at, victim, theirs+uint32(i%500), packet.ProtoUDP, 53)
		}, []string{"trend reflection 10.1.0.20"}},
		"a scan of 4,000 servers": {func(i int, at int64) flowtable.Record {
			return attempt(uint64(i), at, victim, theirs+uint32(i), 443, false)
		}, []string{"pairs new_targets 10.1.0.20", "scan address_scan 10.1.0.20"}},
		// A capture of the servers' packets alone: what carries a payload was asked for and answered.
		"connections to 40 servers, one way": {func(i int, at int64) flowtable.Record {
			return answer(uint64(i), at, victim, theirs+uint32(i%40), packet.ProtoTCP, 443)
		}, nil},
	} {
		if got := said(t, c.flow); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
