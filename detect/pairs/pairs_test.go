package pairs

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
	"github.com/weir-sensor/weir/packet"
)

// flow is a record in short: client and server are last numbers of addresses.
type flow struct {
	at             time.Duration
	client, server int
	port           int
	up, down       uint64
	answered       bool
}

func host(n int) packet.Addr { return packet.Addr{Hi: 0, Lo: 0xffff_0a00_0000 + uint64(n)} }

func (f flow) record(id uint64) flowtable.Record {
	r := flowtable.Record{ID: id, Client: host(f.client), Server: host(f.server), Version: 6, ServerPort: uint16(f.port), Proto: packet.ProtoTCP,
		Written: int64(f.at), Start: int64(f.at), End: int64(f.at), ConnState: flowtable.S0, State: flowtable.Connecting,
		Packets: [2]uint64{1, 1}, Bytes: [2]uint64{f.up, f.down}, TCPFlags: [2]uint8{packet.SYN, 0}}
	if f.answered {
		r.ConnState, r.State, r.Payload = flowtable.SF, flowtable.Closed, [2]uint64{10, 10}
	}
	return r
}

func records(flows []flow) []flowtable.Record {
	slices.SortStableFunc(flows, func(a, b flow) int { return int(a.at - b.at) })
	var all []flowtable.Record
	for i, f := range flows {
		all = append(all, f.record(uint64(i+1)))
	}
	return all
}

// run returns what a detector says of records, which come so many at a time.
func run(t *testing.T, cfg Config, records []flowtable.Record, group int) []detect.Alert {
	t.Helper()
	return detecttest.Run(t, New(cfg), records, group)
}

func kinds(alerts []detect.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, fmt.Sprintf("%s %x>%x", a.Kind, a.Subject.Addr.Lo&0xffff, a.Server.Addr.Lo&0xffff))
	}
	return all
}

// usual is traffic of 25 pairs, one or two ports each, in the 10 s from at.
func usual(at time.Duration) (all []flow) {
	for i := range 25 {
		all = append(all, flow{at + time.Duration(i)*100*time.Millisecond, 1 + i%5, 100 + i, 443, 1000, 5000, true})
		if i%4 == 0 {
			all = append(all, flow{at + time.Duration(i)*200*time.Millisecond, 1 + i%5, 100 + i, 80, 500, 2000, true})
		}
	}
	return all
}

// scan is so many ports of server within 10 s.
func scan(at time.Duration, server, ports int, answered bool) (all []flow) {
	for i := range ports {
		all = append(all, flow{at + time.Duration(i)*9*time.Second/time.Duration(ports), 66, server, 1000 + i, 60, 40, answered})
	}
	return all
}

func sweep(at time.Duration, hosts int) (all []flow) {
	for i := range hosts {
		all = append(all, flow{at + time.Duration(i)*time.Millisecond, 66, 200 + i, 22, 60, 0, false})
	}
	return all
}

const hour = 3600 * time.Second

func TestScansAndTheirTwins(t *testing.T) {
	for _, c := range []struct {
		name  string
		flows []flow
		want  []string
	}{
		{"usual", usual(hour), nil},
		{"15 ports", append(usual(hour), scan(hour, 99, 15, false)...), []string{"new_ports 42>63"}},
		{"15 ports, nobody else", scan(hour, 99, 15, false), []string{"new_ports 42>63"}},
		{"15 ports that answer", append(usual(hour), scan(hour, 99, 15, true)...), nil},
		{"9 ports", append(usual(hour), scan(hour, 99, 9, false)...), nil},
		{"15 ports in 100 s", append(usual(hour), scaled(scan(0, 99, 15, false), hour, 10)...), nil},
		{"40 hosts", append(usual(hour), sweep(hour, 40)...), []string{"new_targets 42>0"}},
		{"15 hosts", append(usual(hour), sweep(hour, 15)...), nil},
		{"3 hosts, 20 ports each: one alert", slices.Concat(scan(hour, 90, 20, false), scan(hour, 91, 20, false), scan(hour, 92, 20, false)),
			[]string{"new_targets 42>0"}},
		{"a host scanned while others are looked at", slices.Concat(scan(hour, 90, 200, false), sweep(hour, 15)), []string{"new_ports 42>5a"}},
		{"the same ports again", append(scan(hour, 99, 15, false), scan(hour+20*time.Second, 99, 15, false)...), []string{"new_ports 42>63"}},
		{"many flows to one port", slices.Concat(usual(hour-15*time.Second), usual(hour), flood(hour, 200), usual(hour+15*time.Second)),
			[]string{"outlier 42>63"}},
		{"fewer flows to one port", slices.Concat(usual(hour-15*time.Second), usual(hour), flood(hour, 90), usual(hour+15*time.Second)), nil},
	} {
		if got := kinds(run(t, DefaultConfig(), records(c.flows), 7)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func scaled(flows []flow, from time.Duration, by time.Duration) []flow {
	for i := range flows {
		flows[i].at = from + flows[i].at*by
	}
	return flows
}

func flood(at time.Duration, n int) (all []flow) {
	for i := range n {
		all = append(all, flow{at + time.Duration(i)*10*time.Millisecond, 66, 99, 80, 100_000, 40, false})
	}
	return all
}

// What a victim of spoofed requests sends to those whose addresses were used is no scan by it.
func TestBackscatterIsNoScan(t *testing.T) {
	for _, flags := range []uint8{packet.RST, packet.RST | packet.ACK, packet.SYN | packet.ACK} {
		all := records(append(scan(hour, 99, 50, false), sweep(hour, 50)...))
		for i := range all {
			all[i].TCPFlags[flowtable.Up], all[i].ConnState, all[i].Bytes[1] = flags, flowtable.OTH, 0
		}
		if got := run(t, DefaultConfig(), all, 100); len(got) != 0 {
			t.Errorf("flags %x: got %v", flags, kinds(got))
		}
	}
}

// Nobody answers what is sent to everybody.
func TestBroadcastIsNoScan(t *testing.T) {
	all := records(scan(hour, 99, 50, false))
	for i := range all {
		all[i].Server, all[i].Version, all[i].Proto, all[i].State = packet.AddrFrom4([]byte{255, 255, 255, 255}), 4, packet.ProtoUDP, flowtable.New
	}
	if got := run(t, DefaultConfig(), all, 100); len(got) != 0 {
		t.Errorf("got %v", kinds(got))
	}
}

func TestAlertSaysItsNumbers(t *testing.T) {
	got := run(t, DefaultConfig(), records(append(usual(hour), scan(hour, 99, 15, false)...)), 1)
	if len(got) != 1 {
		t.Fatal(kinds(got))
	}
	a := got[0]
	want := []detect.Reason{{Feature: "ports", Value: 15, Threshold: 5, Baseline: 2}, {Feature: "new_ports", Value: 15, Threshold: 5, Baseline: 2}}
	if len(a.Reasons) < 2 || !reflect.DeepEqual(a.Reasons[1:3], want) {
		t.Errorf("reasons %+v, want flows, %+v", a.Reasons, want)
	}
	if a.N != 26 || a.Evidence.Total != 15 || a.Score != 13 || a.WindowEnd-a.WindowStart != int64(every) {
		t.Errorf("got %+v", a)
	}
}

// The alerts depend on the records alone, not on how they come.
func TestGroupsMeanNothing(t *testing.T) {
	all := records(slices.Concat(usual(hour), scan(hour+3*time.Second, 99, 33, false), usual(hour+20*time.Second), sweep(hour+25*time.Second, 60),
		usual(hour+700*time.Second), scan(hour+703*time.Second, 99, 40, false)))
	detecttest.Grouping(t, func() detect.Detector { return New(DefaultConfig()) }, all, 3)
}

// A port is new again 600 s after it was used last, counted to the beginning of the batch.
func TestPortsExpire(t *testing.T) {
	for _, c := range []struct {
		last time.Duration // before the batch begins
		want uint32
	}{{599999999999, 0}, {600 * time.Second, 1}, {600000000001, 1}} {
		d := New(DefaultConfig())
		d.add(&detect.Flow{Record: ptr(flow{hour - c.last, 1, 2, 80, 1, 1, true}.record(1)), Time: int64(hour - c.last)})
		d.CloseBatch(detect.Batch{Start: int64(hour - 610*time.Second), End: int64(hour - 590*time.Second)}, detecttest.Nowhere{})
		d.add(&detect.Flow{Record: ptr(flow{hour + 1, 1, 2, 80, 1, 1, true}.record(2)), Time: int64(hour + 1)})
		d.fold()
		for _, p := range d.tallies {
			if p.newPorts != c.want {
				t.Errorf("used %v before: new ports %d, want %d", c.last, p.newPorts, c.want)
			}
		}
	}
}

func ptr(r flowtable.Record) *flowtable.Record { return &r }

// As many pairs as anybody sends: memory stays, and what is not judged is counted and said.
func TestCaps(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxPairs, cfg.MaxPorts = 1000, 500
	d := New(cfg)
	f := detect.Flow{Record: ptr(flow{hour, 0, 2, 80, 1, 1, false}.record(1)), Time: int64(hour)}
	for i := range 1_000_000 {
		f.Client = host(i)
		f.PairHash, f.ClientHash = uint64(i)*0x9e3779b97f4a7c15, uint64(i)
		d.add(&f)
	}
	tables := d.Tables()
	want := []detect.TableCount{{Name: "pairs", Entries: 1000, Cap: 1000, Rejected: 999_000}, {Name: "ports", Entries: 500, Cap: 500, Evicted: 500}}
	if !slices.Equal(tables, want) {
		t.Errorf("got %+v, want %+v", tables, want)
	}
	if got := d.status(int64(hour)); got != detect.Degraded {
		t.Errorf("status %v, want degraded", got)
	}
	if got := d.status(int64(hour + 10*time.Minute)); got != detect.OK {
		t.Errorf("status 10 minutes later %v, want ok", got)
	}
	if n := testing.AllocsPerRun(1000, func() { d.add(&f) }); n != 0 {
		t.Errorf("%v allocations per flow", n)
	}
}

// In a batch of few pairs the fences of the past hold; partial batches are no past.
func TestFewPairsUseThePast(t *testing.T) {
	var h history
	none, ok := h.fence(new(ranks).of([]uint64{1, 2}, plain), 4, 1, false)
	if ok || none.Upper != 4 {
		t.Errorf("without a past: %+v, %v", none, ok)
	}
	h.fence(new(ranks).of([]uint64{10, 10, 10, 10}, plain), 4, 1, true)
	if _, ok := h.fence(new(ranks), 4, 1, false); ok {
		t.Error("a partial batch became past")
	}
	h.fence(new(ranks).of([]uint64{10, 10, 10, 10}, plain), 4, 1, false) // 7 to 13
	h.fence(new(ranks).of([]uint64{20, 20, 20, 20}, plain), 4, 1, false) // 17 to 23
	past, ok := h.fence(new(ranks).of([]uint64{99}, plain), 4, 1, false)
	if !ok || math.Abs(past.Lower-8) > 1e-12 || math.Abs(past.Upper-14) > 1e-12 {
		t.Errorf("past %+v, %v; want 8 to 14", past, ok)
	}
}

// Of the original code: no floors, and any of four fences is an alert.
func TestCompat(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Compat = true
	var flows []flow
	for i := range 25 {
		flows = append(flows, flow{hour, i, 100, 443, 1000, 1000, true})
	}
	flows = append(flows, flow{hour, 3, 100, 80, 0, 0, true})
	all := records(flows)
	if got := kinds(run(t, cfg, all, 5)); !slices.Equal(got, []string{"outlier 3>64"}) {
		t.Errorf("got %v", got)
	}
	if got := run(t, DefaultConfig(), all, 5); len(got) != 0 {
		t.Errorf("with floors: got %v", kinds(got))
	}
}
