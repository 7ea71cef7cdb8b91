package trend

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/detecttest"
)

// The values were worked out with scipy.
func TestEntropiesOfAHost(t *testing.T) {
	data, err := os.ReadFile("testdata/dispersal.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Peers       []uint32
		Ports       []uint16
		Bits, Cells [entropies]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		for role := range roles {
			p, number := spectra{limit: 1}, uint16(0)
			for j, peer := range c.Peers {
				f := flow(inside, peer, 0)
				if role == received {
					f = flow(peer, inside, 0)
				}
				f.ServerPort = c.Ports[j]
				var a aimed
				a.placed.set(&detect.Flow{Record: &f})
				if j+1 >= dispersedFrom {
					p.add(&a, &number, role, j+1 == dispersedFrom)
				}
			}
			s := p.of(number)
			for what := range entropies {
				got, _ := entropy(s.cells[what][:])
				if math.Abs(got-c.Cells[what]) > 1e-9 || got > c.Bits[what]+1e-9 || got < c.Bits[what]-0.3 {
					t.Errorf("case %d: %s %.6f, want %.6f, of the values themselves %.6f", i, dispersalNames[what], got, c.Cells[what], c.Bits[what])
				}
			}
		}
	}
}

// asking are flows of a host in steps, to so many servers and ports.
func asking(perStep, servers, ports, from, to int) (flows []flowtable.Record) {
	for step := from; step < to; step++ {
		for i := range perStep {
			r := flow(inside, other+uint32(i%servers), float64(step)*10+9*float64(i)/float64(perStep))
			r.ServerPort = uint16(443 + i*7%ports)
			flows = append(flows, r)
		}
	}
	return flows
}

// A host that asks as often as ever, but many more servers or ports, or far fewer, is said so, in one alert.
func TestDispersion(t *testing.T) {
	join := func(parts ...[]flowtable.Record) []flowtable.Record { return slices.Concat(parts...) }
	usual := asking(200, 8, 2, 0, 45)
	for name, c := range map[string]struct {
		flows []flowtable.Record
		want  []string // features of the host's one alert
	}{
		"a sweep":                      {join(usual, asking(200, 180, 2, 45, 49)), []string{"entropy_peers"}},
		"a scan of ports":              {join(usual, asking(200, 1, 170, 45, 49)), []string{"entropy_peers", "entropy_ports"}},
		"one server instead of all":    {join(usual, asking(200, 1, 2, 45, 49)), []string{"entropy_peers"}},
		"twice the servers":            {join(usual, asking(200, 16, 2, 45, 49)), nil},
		"as ever":                      {join(usual, asking(200, 8, 2, 45, 60)), nil},
		"half the flows, as dispersed": {join(asking(400, 160, 2, 0, 45), asking(100, 100, 2, 45, 60)), nil},
		"for one step":                 {join(usual, asking(200, 180, 2, 45, 46), asking(200, 8, 2, 46, 50)), nil},
		"few flows":                    {join(asking(80, 8, 2, 0, 45), asking(80, 80, 2, 45, 49)), nil},
		"a new host":                   {join(asking(200, 8, 2, 0, 20), asking(200, 180, 2, 20, 24)), nil},
		"far more flows, and so more":  {join(usual, asking(1500, 180, 2, 45, 49)), nil}, // a rise
	} {
		var got []string
		n := 0
		for _, a := range run(t, DefaultConfig(), c.flows) {
			if a.Kind != "dispersion" {
				continue
			}
			if a.Count == 1 { // else it is the same alert, as its score doubled
				n++
			}
			if a.Subject.Addr != detecttest.IPv4(inside) || a.Role != detect.Client || a.Severity != detect.Low {
				t.Errorf("%s: %+v", name, a)
			}
			got = nil
			for _, r := range a.Reasons[:len(a.Reasons)-2] {
				got = append(got, r.Feature)
			}
		}
		if !slices.Equal(got, c.want) || n > 1 {
			t.Errorf("%s: %d alerts, because of %q, want %q", name, n, got, c.want)
		}
	}
}

func TestDispersionOfAServer(t *testing.T) {
	flows := asking(200, 8, 2, 0, 45)
	flows = append(flows, asking(200, 180, 2, 45, 49)...)
	for i := range flows {
		flows[i].Client, flows[i].Server = flows[i].Server, flows[i].Client
	}
	alerts := slices.DeleteFunc(run(t, DefaultConfig(), flows), func(a detect.Alert) bool { return a.Kind != "dispersion" || a.Count > 1 })
	if len(alerts) != 1 || alerts[0].Role != detect.Server || alerts[0].Reasons[0].Feature != "entropy_peers" {
		t.Errorf("got %+v", alerts)
	}
	if r := alerts[0].Reasons[0]; math.Abs(r.Value-7.4) > 0.2 || math.Abs(r.Baseline-3) > 0.01 {
		t.Errorf("entropies %+v, want about log2(169), and 3", r)
	}
}

// Spectra go back at the end of their step, and hosts that find none have no entropies.
func TestSpectraAreLent(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSpectra = 3
	d := New(cfg)
	var flows []flowtable.Record
	for host := range uint32(20) {
		for _, r := range asking(40, 8, 2, 0, 5) {
			r.Client = detecttest.IPv4(inside + host)
			flows = append(flows, r)
		}
	}
	detecttest.Run(t, d, flows, 100)
	if c := d.spectra.count(); c.Entries != 0 || len(d.spectra.all) != 3 || c.Rejected == 0 {
		t.Errorf("%+v, %d spectra", c, len(d.spectra.all))
	}
	for i, s := range d.spectra.all {
		if *s != (hostSpectrum{}) {
			t.Errorf("spectrum %d is not empty", i+1)
		}
	}
	flows = append(asking(200, 8, 2, 0, 45), asking(200, 180, 2, 45, 49)...)
	detecttest.Grouping(t, func() detect.Detector { return New(cfg) }, flows, 0)
}
