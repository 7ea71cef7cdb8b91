package sequence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const second = int64(1e9)

func address(i int) packet.Addr { return packet.Addr{Lo: 0xffff_0a00_0000 + uint64(i)} }

// record is a flow between two hosts that was written at a time.
func record(id uint64, at int64, client, server int, bytes uint64, answered bool) (r flowtable.Record) {
	r.ID, r.Client, r.Server, r.Version, r.Proto = id, address(client), address(server), 4, packet.ProtoTCP
	r.Written, r.ServerPort, r.ConnState = at, 443, flowtable.S0
	r.Bytes = [2]uint64{bytes, 0}
	if answered {
		r.ConnState, r.Bytes[1] = flowtable.SF, 10*bytes
	}
	return r
}

// habit is traffic of hosts that ask a server twice every 10 s, and six times every third step. From step 30 on, host 3
// tries many others, which do not answer, if it scans.
func habit(hosts, steps int, scans bool) (all []flowtable.Record) {
	for i := range steps {
		for h := 1; h <= hosts; h++ {
			flows := 2
			if (i+h)%3 == 0 {
				flows = 6
			}
			for k := range flows {
				at := (int64(i)*10+1)*second + int64(h)*1000 + int64(k)
				all = append(all, record(uint64(len(all)+1), at, h, 1000, 500+uint64(h*37+i*11)%100, true))
			}
			for k := range 300 {
				if scans && h == 3 && i >= 30 {
					at := (int64(i)*10+2)*second + int64(k)
					all = append(all, record(uint64(len(all)+1), at, h, 2000+k, 60, false))
				}
			}
		}
	}
	return all
}

type alerts struct{ all []detect.Alert }

func (a *alerts) Alerts(alerts []detect.Alert) error {
	a.all = append(a.all, alerts...)
	return nil
}

// run has flows judged, advanced after every so many.
func run(t *testing.T, d detect.Detector, flows []flowtable.Record, every int) []detect.Alert {
	t.Helper()
	sink := &alerts{}
	e := detect.NewEngine(detect.DefaultConfig(), []detect.Detector{d}, sink)
	for i := range flows {
		e.Flows(flows[i : i+1])
		if i%every == 0 {
			if err := errors.Join(e.Advance(flows[i].Written), e.Flush()); err != nil { // else the engine gathers groups
				t.Fatal(err)
			}
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return sink.all
}

// trained returns a detector that knows the habit.
func trained(t *testing.T) *Detector {
	t.Helper()
	c := NewCollector(1000)
	run(t, c, habit(20, 60, false), 100)
	m, err := Train(c.Sequences(), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.json")
	if err := os.WriteFile(path, m.Seal(), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Model, cfg.MaxHosts = path, 1000
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAHostThatBeginsToScanIsASurprise(t *testing.T) {
	found := run(t, trained(t), habit(20, 60, true), 100)
	if len(found) == 0 {
		t.Fatal("no alert")
	}
	a := found[0]
	if a.Subject.String() != "10.0.0.3" || a.WindowEnd != 320*second || a.Severity != detect.Low || a.Evidence.Total == 0 {
		t.Errorf("got %+v, want 10.0.0.3 in the second step that it scans in", a)
	}
	if quiet := run(t, trained(t), habit(20, 60, false), 100); len(quiet) != 0 {
		t.Errorf("the same without the scan: got %s", quiet[0].Message)
	}
}

func TestGroupingDoesNotMatter(t *testing.T) {
	flows := habit(20, 60, true)
	want := fmt.Sprint(run(t, trained(t), flows, 1))
	for _, every := range []int{7, len(flows) + 1} {
		if diff := cmp.Diff(want, fmt.Sprint(run(t, trained(t), flows, every))); diff != "" {
			t.Errorf("advanced every %d flows:\n%s", every, diff)
		}
	}
}

func TestHostsAreBounded(t *testing.T) {
	d := trained(t)
	var flows []flowtable.Record
	for i := range 100_000 {
		flows = append(flows, record(uint64(i+1), int64(i)*second/5000, 5000+i, 1000, 60, false))
	}
	run(t, d, flows, 1000)
	tables := d.Tables()
	if tables[0].Entries > 1000 || tables[1].Rejected < 90_000 {
		t.Errorf("got %+v", tables)
	}
}

// nowhere takes what a detector says.
type nowhere struct{}

func (nowhere) Alert(detect.Alert) {}
func (nowhere) Score(detect.Score) {}

func TestStepsDoNotAllocate(t *testing.T) {
	d := trained(t)
	flows := make([]detect.Flow, 200)
	for i := range flows {
		r := record(uint64(i+1), second, i%20, 1000, 500, true)
		flows[i] = detect.Flow{Record: &r, ClientHash: uint64(i % 20), ServerHash: 1000}
	}
	at := int64(0)
	step := func() {
		d.Flows(flows, nowhere{})
		d.CloseBatch(detect.Batch{Start: at, End: at + int64(Every), Every: Every}, nowhere{})
		at += int64(Every)
	}
	for range 20 {
		step()
	}
	d.cfg.Factor = 1e9 // alerts do allocate
	if n := testing.AllocsPerRun(50, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStep(b *testing.B) {
	m, err := Load(Builtin)
	if err != nil {
		b.Fatal(err)
	}
	at := m.network.newMoment()
	for b.Loop() {
		m.network.forward(at)
	}
}
