package beacon

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// exchange is a packet with payload of a connection that is kept open: its time in s, and its bytes, negative from the
// server.
type exchange struct {
	at    float64
	bytes int32
}

// records returns what the flow table makes of a connection: a record for each 5 min, with sums by definition.
func records(id uint64, packets []exchange) (parts []flowtable.Record) {
	nan := math.NaN()
	for len(packets) > 0 {
		r := flow(inside, outside, int64(packets[0].at*1000))
		r.ID, r.Part, r.Features = id, uint32(len(parts)), &flowtable.Features{}
		r.Packets, r.Bytes, r.Payload = [2]uint64{}, [2]uint64{}, [2]uint64{}
		var gaps []float64 // us
		n := 0
		for last := nan; n < len(packets) && packets[n].at < packets[0].at+300; n++ {
			p := packets[n]
			side := flowtable.Up
			if p.bytes < 0 {
				side = flowtable.Down
			} else {
				if last == last {
					gaps = append(gaps, (p.at-last)*1e6)
				}
				last = p.at
			}
			r.Packets[side]++
			r.Payload[side] += uint64(max(p.bytes, -p.bytes))
			if f := r.Features; r.Part == 0 && f.SPLT < flowtable.SPLTPackets && p.bytes != 0 {
				f.Sizes[f.SPLT] = p.bytes
				if n > 0 {
					f.Gaps[f.SPLT] = uint32((p.at - packets[n-1].at) * 1e6)
				}
				f.SPLT++
			}
			r.End = begin + int64(p.at*1e9)
		}
		r.Written = r.End + int64(time.Second)
		r.Features.Interval[flowtable.Up] = momentsOf(gaps)
		parts, packets = append(parts, r), packets[n:]
	}
	return parts
}

func momentsOf(x []float64) flowtable.Moments {
	m := flowtable.Moments{Mean: math.NaN(), Std: math.NaN(), Min: math.Inf(1), Max: math.Inf(-1)}
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum, m.Min, m.Max = sum+v, min(m.Min, v), max(m.Max, v)
	}
	if len(x) == 0 {
		return flowtable.Moments{Mean: math.NaN(), Std: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	}
	m.Mean = sum / float64(len(x))
	for _, v := range x {
		squares += (v - m.Mean) * (v - m.Mean)
	}
	if len(x) > 1 {
		m.Std = math.Sqrt(squares / float64(len(x)-1))
	}
	return m
}

// conversation is a connection with so many beats: at each the client says something and the server answers.
func conversation(beats int, size int32, gap func() float64) (packets []exchange) {
	for at := 0.0; len(packets) < 3*beats; at += gap() {
		packets = append(packets, exchange{at, size}, exchange{at + 0.1, -40}, exchange{at + 0.2, 0})
	}
	return packets
}

func TestFindsABeatInAnOpenConnection(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	between := func(low, high float64) func() float64 { return func() float64 { return low + (high-low)*r.Float64() } }
	for _, c := range []struct {
		name     string
		packets  []exchange
		period   float64
		severity detect.Severity
	}{
		{"10 to 15 s", conversation(40, 74, between(10, 15)), 12.5, detect.Informational},
		{"4 min, longer than an hour", conversation(40, 74, between(230, 250)), 240, detect.Low},
		{"a minute, 30 % jitter", conversation(200, 74, between(42, 78)), 60, detect.Low},
	} {
		alerts := run(t, DefaultConfig(), records(7, c.packets))
		if len(alerts) == 0 {
			t.Errorf("%s: no alert", c.name)
			continue
		}
		a := alerts[len(alerts)-1]
		if a.Kind != "open_beacon" || a.Severity != c.severity || a.Subject.String() != "10.0.0.5" || a.Server.String() != "203.0.0.113" ||
			math.Abs(a.Reasons[0].Value/c.period-1) > 0.06 || !strings.Contains(a.Message, "open") {
			t.Errorf("%s: got %+v", c.name, a)
		}
	}
}

// Twins of it, in which there is nothing to find.
func TestIsQuietAboutOpenConnections(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	every := func(s float64) func() float64 { return func() float64 { return s } }
	change := func(f func(r *flowtable.Record)) []flowtable.Record {
		parts := records(7, conversation(400, 74, every(12)))
		for i := range parts {
			f(&parts[i])
		}
		return parts
	}
	if alerts := run(t, DefaultConfig(), change(func(*flowtable.Record) {})); len(alerts) == 0 {
		t.Fatal("the beat was not found")
	}
	for name, flows := range map[string][]flowtable.Record{
		"at random":     records(7, conversation(400, 74, func() float64 { return 12 * r.ExpFloat64() })),
		"a person":      records(7, conversation(400, 74, func() float64 { return math.Exp(2 + 1.5*r.NormFloat64()) })),
		"quick":         records(7, conversation(400, 74, every(2))),
		"short":         records(7, conversation(14, 74, every(12))),
		"few":           records(7, conversation(9, 74, every(60))),
		"keepalives":    records(7, conversation(400, 1, every(12))),
		"nothing said":  change(func(r *flowtable.Record) { r.Payload[flowtable.Up] = 0; r.Features.SPLT = 0 }),
		"no answer":     change(func(r *flowtable.Record) { r.Packets[flowtable.Down] = 1 }),
		"no features":   change(func(r *flowtable.Record) { r.Features = nil }),
		"our server":    change(func(r *flowtable.Record) { r.Server.Lo = r.Client.Lo + 1 }),
		"not to itself": change(func(r *flowtable.Record) { r.Client = r.Server }),
	} {
		if alerts := run(t, DefaultConfig(), flows); len(alerts) > 0 {
			t.Errorf("%s: %s", name, alerts[0].Message)
		}
	}
}

// What came before a beat does not hide it, and a part says no less than the whole.
func TestSilencesOfPartsAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	packets := conversation(100, 74, func() float64 { return 20 + 10*r.Float64() })
	var whole silences
	for i := 3; i < len(packets); i += 3 {
		gap := packets[i].at - packets[i-3].at
		whole.add(gap - 0.2)
		whole.add(0.2)
	}
	d := New(DefaultConfig())
	for _, record := range records(7, packets) {
		f := detect.Flow{Record: &record}
		d.Flows([]detect.Flow{f}, nil)
	}
	for _, o := range d.opened.All() {
		if math.Abs(o.sum/whole.sum-1) > 0.01 || math.Abs(o.square/whole.square-1) > 0.02 || math.Abs(o.longest/whole.longest-1) > 0.02 {
			t.Errorf("got %+v, want %+v", o.silences, whole)
		}
	}
	talk := conversation(200, 74, func() float64 { return 3 * r.ExpFloat64() })
	later := talk[len(talk)-1].at + 10
	for _, p := range packets {
		talk = append(talk, exchange{p.at + later, p.bytes})
	}
	if alerts := run(t, DefaultConfig(), records(7, talk)); len(alerts) == 0 {
		t.Error("a beat after a talk was not found")
	}
}

// The share of random silences that are so even is at most what chance says, whatever their number.
func TestChanceBoundsTheRatio(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{6, 10, 15, 25, 40, 80} {
		const trials = 20000
		beyond := map[float64]int{0.1: 0, 0.01: 0, 0.001: 0}
		for range trials {
			var s silences
			for range n {
				s.add(r.ExpFloat64())
			}
			for p := range beyond {
				if s.jitter() <= 0.5 && s.chance() <= p {
					beyond[p]++
				}
			}
		}
		for p, count := range beyond {
			if limit := p*trials + 4*math.Sqrt(p*trials); float64(count) > limit {
				t.Errorf("%d silences: %d of %d have p <= %v, want %.0f at most", n, count, trials, p, limit)
			}
		}
	}
}

// Silences spread evenly around a period have the jitter that they were made with.
func TestJitterOfSilences(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, want := range []float64{0, 0.1, 0.2, 0.3} {
		var s silences
		for range 20000 {
			s.add(1 + want*math.Sqrt(3)*(2*r.Float64()-1))
			s.add(0)
		}
		if got := s.jitter(); math.Abs(got-want) > 0.005 {
			t.Errorf("got %.4f, want %.4f", got, want)
		}
	}
}
