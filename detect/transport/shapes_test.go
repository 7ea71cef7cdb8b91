package transport

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/payload"
)

// polls is a TLS flow in which a client asks after these idle times.
func polls(rtt time.Duration, idle ...time.Duration) *flowtable.Record {
	r := plain()
	f := &flowtable.Features{Packet: r.Features.Packet}
	add := func(size int32, gap time.Duration) {
		f.Sizes[f.SPLT], f.Gaps[f.SPLT] = size, uint32(gap/time.Microsecond)
		f.SPLT++
	}
	add(517, 0)
	add(-1300, rtt)
	for _, gap := range idle {
		add(160, gap-rtt)
		add(-137, rtt)
	}
	r.Features, r.RTT = f, int64(rtt)
	return r
}

const ms = time.Millisecond

func TestPollLadder(t *testing.T) {
	for _, test := range []struct {
		name string
		r    *flowtable.Record
		want shape
	}{
		{"meek", polls(40*ms, 100*ms, 150*ms, 225*ms, 337*ms), pollLadder},
		{"meek far away", polls(80*ms, 225*ms, 337*ms, 506*ms, 759*ms, 1139*ms), pollLadder},
		{"two steps", polls(40*ms, 100*ms, 150*ms, 225*ms), 0},
		{"steady", polls(40*ms, 500*ms, 500*ms, 500*ms, 500*ms, 500*ms), 0},
		{"doubling", polls(40*ms, 100*ms, 200*ms, 400*ms, 800*ms, 1600*ms), 0},
		{"quick", polls(1*ms, 10*ms, 15*ms, 22*ms, 33*ms, 50*ms), 0},
		{"none", polls(40 * ms), 0},
	} {
		if got := cheapShapes(test.r); got != test.want {
			t.Errorf("%s: got shapes %b, want %b", test.name, got, test.want)
		}
	}
	later := polls(40*ms, 100*ms, 150*ms, 225*ms, 337*ms)
	later.Part = 1
	text := polls(40*ms, 100*ms, 150*ms, 225*ms, 337*ms)
	text.Features.Packet[flowtable.Up].Framing = payload.FramingHTTP
	for _, r := range []*flowtable.Record{later, text, {}} {
		if got := cheapShapes(r); got != 0 {
			t.Errorf("got shapes %b, want none", got)
		}
	}
}

func TestPaddedFlights(t *testing.T) {
	for _, test := range []struct {
		name  string
		sizes []int32
		want  bool
	}{
		{"obfs4", []int32{1448, 700, -1448, -300, 90}, true},
		{"longer than obfs4 can be", []int32{1448, 1448, 1448, 1448, 1448, 1448, -300, 90}, false},
		{"shorter", []int32{140, -1448, 90}, false},
		{"the server has not ended", []int32{1448, -1448, -1448}, false},
	} {
		bytes, ok := flights(flow(1000, test.sizes...))
		if got := ok && inHandshake(bytes[0]) && inHandshake(bytes[1]); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// tls is a TLS flow of packets with payload.
func tls(sizes ...int32) *flowtable.Record {
	r := flow(1000, sizes...)
	r.Features.Packet = plain().Features.Packet
	return r
}

// Five flows of Trojan's sizes to a server are called; of a browser's, or four, none.
func TestTLSInTLS(t *testing.T) {
	trojan, web := tls(517, -990, 80, 607, -158, -1448, -105, 86, 108, -267), tls(517, -880, 93, -51, 121, -1460, -1460, -1460, -38, 120, -1460)
	var flows []flowtable.Record
	for i := range uint64(5) {
		flows = append(flows, at(trojan, i, 1, time.Duration(i)*time.Second), at(web, i, 2, time.Duration(i)*time.Second))
		if i < 4 {
			flows = append(flows, at(trojan, i, 3, time.Duration(i)*time.Second))
		}
	}
	_, alerts := run(t, DefaultConfig(), flows, 3)
	if len(alerts) != 1 || alerts[0].Kind != "tls_in_tls" || alerts[0].Subject.Addr != flows[0].Server || alerts[0].Evidence.Total != 5 {
		t.Errorf("got %+v", alerts)
	}
	for name, r := range map[string]*flowtable.Record{"server first": tls(-80, 517, -990, 607, -158, 86, -267), "short": tls(517, -990, 80, -158, 86)} {
		if _, ok := tunnel(r); ok {
			t.Errorf("%s: was judged", name)
		}
	}
}

// The densities are numpy's.
func TestGaussian(t *testing.T) {
	v := [4]float64{9, 10, 8, 9}
	if got := tunnelled.logDensity(&v) - ordinary.logDensity(&v); math.Abs(got-2.8804039344289993) > 1e-9 {
		t.Errorf("got %v, want %v", got, 2.8804039344289993)
	}
}

// OpenVPN over UDP and over TCP is said once of each server and port, with the flows.
func TestOpenVPN(t *testing.T) {
	r := flow(1000, 54, -66, 343, -1206, 66)
	r.Proto = packet.ProtoUDP
	for d := range 2 {
		r.Features.Packet[d].Framing = payload.FramingOpenVPN
	}
	flows := []flowtable.Record{at(r, 1, 7, 0), at(r, 2, 7, time.Second), at(plain(), 3, 8, 2*time.Second)}
	if _, alerts := run(t, DefaultConfig(), flows, 2); alerts != nil {
		t.Errorf("nobody asked for it: got %+v", alerts)
	}
	cfg := DefaultConfig()
	cfg.OpenVPN = true
	_, alerts := run(t, cfg, flows, 2)
	if len(alerts) != 1 || alerts[0].Kind != "openvpn" || alerts[0].Severity != detect.Informational || alerts[0].Proto != packet.ProtoUDP ||
		alerts[0].Evidence.Total != 2 || !strings.Contains(alerts[0].Message, "in 2 flows both sides begin as OpenVPN") {
		t.Errorf("got %+v", alerts)
	}
	one := at(r, 1, 7, 0)
	f := *one.Features
	f.Packet[flowtable.Down].Framing = payload.FramingNone
	one.Features = &f
	if _, alerts := run(t, cfg, []flowtable.Record{one}, 1); alerts != nil {
		t.Errorf("one side only: got %+v", alerts)
	}
}

// A hello of pion's after STUN is told once of each server and port, and is nobody's alarm; one without STUN is not told.
func TestSnowflakeHello(t *testing.T) {
	r := flow(1000, 108, -96, 135, -700)
	r.Proto = packet.ProtoUDP
	r.Features.Packet[flowtable.Up].Framing = payload.FramingSTUN
	r.Features.Hello = payload.HelloSTUN | payload.HelloClient | payload.HelloPion
	direct := *r
	f := *r.Features
	f.Hello &^= payload.HelloSTUN
	direct.Features = &f
	flows := []flowtable.Record{at(r, 1, 7, 0), at(&direct, 2, 8, time.Second), at(r, 3, 7, 2*time.Second)}
	_, alerts := run(t, DefaultConfig(), flows, 2)
	if len(alerts) != 1 || alerts[0].Kind != "snowflake_hello" || alerts[0].Severity != detect.Informational || alerts[0].Proto != packet.ProtoUDP ||
		alerts[0].Evidence.Total != 2 || !strings.Contains(alerts[0].Message, "in 2 flows STUN is followed by a DTLS hello") {
		t.Errorf("got %+v", alerts)
	}
}
