package build_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowfile"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
	"github.com/weir-sensor/weir/report"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/report/geo"
)

// expected is what testdata/expected.py has worked out of testdata/flows.csv.
type expected struct {
	Countries, Networks map[string][3]float64 // flows, bytes up, bytes down
	Hours               []float64
	Days                float64
	PerDay              []float64 `json:"per_day"`
	Clients             map[string]struct {
		Out, In, Score float64
		Ratio          string
		Percentile     *float64
	}
	Lateral map[string]struct {
		Peers, Flows float64
		Rate         *float64
	}
}

func options(databases ...string) build.Options {
	c := build.DefaultConfig()
	c.Zone, c.Rows = "Europe/Berlin", 1000
	return build.Options{Config: c, Local: detect.DefaultConfig().LocalNetworks, Geo: geo.Open(databases)}
}

// read adds the flows of a file.
func read(t *testing.T, b *build.Builder, path string) {
	t.Helper()
	src, err := flowfile.Open([]string{path}, flowfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for batch := (flowfile.Batch{}); ; {
		if err := src.Read(&batch); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range batch.Flows {
			b.Flow(&batch.Flows[i])
		}
	}
}

// table returns the table of that ID, its rows by their first cell.
func table(t *testing.T, r *report.Report, id string) (report.Table, map[string][]report.Cell) {
	t.Helper()
	for _, s := range r.Sections {
		for _, tab := range s.Tables {
			if tab.ID == id {
				rows := map[string][]report.Cell{}
				for _, row := range tab.Rows {
					rows[row[0].Text] = row
				}
				return tab, rows
			}
		}
	}
	t.Fatalf("no table %s", id)
	return report.Table{}, nil
}

// same says whether two numbers are, to the last bits but a few; NaN equals NaN.
func same(got, want float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 1e-12*math.Abs(want)
}

// check holds cells against numbers.
func check(t *testing.T, what string, row []report.Cell, columns []int, want ...float64) {
	t.Helper()
	if row == nil {
		t.Errorf("%s: no row", what)
		return
	}
	for i, c := range columns {
		if !same(row[c].Number, want[i]) {
			t.Errorf("%s: column %d: got %v, want %v", what, c, row[c].Number, want[i])
		}
	}
}

func known(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

func load(t *testing.T) (want expected) {
	t.Helper()
	text, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

func TestHoursRatiosAndRates(t *testing.T) {
	want := load(t)
	b := build.New(options())
	read(t, b, "testdata/flows.csv")
	r := b.Report()
	_, hours := table(t, r, "hours")
	for hour := range 24 {
		name := fmt.Sprintf("%02d", hour)
		check(t, "hour "+name, hours[name], []int{1, 2}, want.Hours[hour], want.PerDay[hour])
	}
	out, byClient := table(t, r, "exfiltration")
	if len(byClient) != len(want.Clients) {
		t.Errorf("got %d clients, want %d", len(byClient), len(want.Clients))
	}
	for name, c := range want.Clients {
		ratio := map[string]float64{"inf": math.Inf(1), "nan": math.NaN()}[c.Ratio]
		if ratio == 0 {
			fmt.Sscan(c.Ratio, &ratio)
		}
		check(t, "client "+name, byClient[name], []int{2, 3, 4, 5, 6}, c.Out, c.In, ratio, c.Score, known(c.Percentile))
	}
	for i := 1; i < len(out.Rows); i++ {
		if out.Rows[i][5].Number > out.Rows[i-1][5].Number {
			t.Errorf("row %d of clients is not in order", i)
		}
	}
	lateral, byHost := table(t, r, "lateral")
	if len(lateral.Rows) != len(want.Lateral) {
		t.Errorf("got %d hosts inside, want %d", len(lateral.Rows), len(want.Lateral))
	}
	for name, h := range want.Lateral {
		check(t, "inside "+name, byHost[name], []int{1, 4, 5}, h.Peers, h.Flows, known(h.Rate))
	}
}

// The counts are those of a plain script with a reader of its own for MaxMind's format.
func TestCountriesAndNetworks(t *testing.T) {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	dir := filepath.Join(shared, "data", "maxmind", "test-data")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("MaxMind's test data is not here: %s", dir)
	}
	want := load(t)
	b := build.New(options(filepath.Join(dir, "GeoLite2-City-Test.mmdb"), filepath.Join(dir, "GeoLite2-ASN-Test.mmdb")))
	read(t, b, "testdata/flows.csv")
	r := b.Report()
	for _, test := range []struct {
		id      string
		columns []int
		want    map[string][3]float64
	}{{"countries", []int{2, 4, 5}, want.Countries}, {"networks", []int{2, 4, 5}, want.Networks}} {
		tab, rows := table(t, r, test.id)
		if len(tab.Rows) != len(test.want) {
			t.Errorf("%s: got %d rows, want %d", test.id, len(tab.Rows), len(test.want))
		}
		for name, v := range test.want {
			check(t, test.id+" "+name, rows[name], test.columns, v[0], v[1], v[2])
		}
	}
}

// flow is a TCP flow between hosts 10.0.0.CLIENT and 192.0.2.SERVER.
func flow(id uint64, client, server byte, up, down uint64, start, end int64) flowtable.Record {
	return flowtable.Record{ID: id, Client: packet.AddrFrom4([]byte{10, 0, 0, client}), Server: packet.AddrFrom4([]byte{192, 0, 2, server}),
		ServerPort: 443, ClientPort: 1000, Version: 4, Proto: packet.ProtoTCP, Start: start, End: end, Bytes: [2]uint64{up, down}}
}

// The figures of the ratio are those of an earlier tool's README: 14,778,895 / 1,415,961 = 10.437360.
func TestDownloads(t *testing.T) {
	opt := options()
	opt.Percentile = 90
	b := build.New(opt)
	for i := range byte(200) { // the tenth of 200 is 20, where floating point has 19.999...
		if err := b.Flows([]flowtable.Record{flow(uint64(i)+1, i, 1, 1000, 10*uint64(i), 1, 2)}); err != nil {
			t.Fatal(err)
		}
	}
	_ = b.Flows([]flowtable.Record{flow(999, 250, 1, 1_415_961-1000, 14_778_895, 1, 2), flow(999, 250, 1, 1000, 0, 1, 2)})
	tab, rows := table(t, b.Report(), "downloads")
	if len(tab.Rows) != 21 { // of 201
		t.Errorf("got %d rows, want 21", len(tab.Rows))
	}
	if got := fmt.Sprintf("%.6f", rows["10.0.0.250"][4].Number); got != "10.437360" {
		t.Errorf("got the ratio %s", got)
	}
	if tab.Rows[0][0].Text != "10.0.0.250" {
		t.Errorf("first is %s", tab.Rows[0][0].Text)
	}
}

// The steps of the timeline add up to all flows and bytes, in whatever order and however far apart they come.
func TestTimelineAddsUp(t *testing.T) {
	b := build.New(options())
	const day = int64(86400e9)
	var up float64
	for i := range int64(2000) {
		start := 1_700_000_000_000_000_000 + (i*7919%997)*day/40
		r := flow(uint64(i), 1, 2, uint64(i)*1000, 5, start, start+(i%50)*int64(60e9))
		up += float64(i) * 1000
		_ = b.Flows([]flowtable.Record{r})
	}
	tab, _ := table(t, b.Report(), "traffic")
	var flows, bytes float64
	for i, row := range tab.Rows {
		flows, bytes = flows+row[1].Number, bytes+row[2].Number
		if i > 0 && row[0].Number-tab.Rows[i-1][0].Number != tab.Rows[1][0].Number-tab.Rows[0][0].Number {
			t.Errorf("step %d is of another length", i)
		}
	}
	if flows != 2000 || math.Abs(bytes-up) > float64(len(tab.Rows)) {
		t.Errorf("got %v flows and %v bytes, want 2000 and %v", flows, bytes, up)
	}
}

// With far more hosts than fit, those with most bytes stay, what was forgotten is said, and nothing depends on the order of
// a map.
func TestManyHosts(t *testing.T) {
	notes := map[string]bool{}
	for range 3 {
		opt := options()
		opt.MaxHosts, opt.Rows = 64, 10
		b := build.New(opt)
		for i := range uint64(5000) {
			r := flow(i, 1, 1, 40, 0, int64(i), int64(i)+5)
			r.Server = packet.AddrFrom4([]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			if i%1000 == 7 {
				r.Bytes[1] = 1_000_000 + i
			}
			_ = b.Flows([]flowtable.Record{r})
		}
		made := b.Report()
		tab, _ := table(t, made, "talkers")
		for k, want := range []string{"10.0.0.1", "11.0.15.167", "11.0.11.191", "11.0.7.215", "11.0.3.239", "11.0.0.7"} {
			if got := tab.Rows[k][0].Text; got != want {
				t.Errorf("row %d: got %s, want %s", k, got, want)
			}
		}
		text, err := json.Marshal(tab.Rows[:10])
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range made.Sections {
			if s.ID == "talkers" {
				notes[s.Note+string(text)] = true
				if !strings.Contains(s.Note, "were summed up together") {
					t.Errorf("got the note %q", s.Note)
				}
			}
		}
	}
	if len(notes) != 1 {
		t.Errorf("three runs said %d different things", len(notes))
	}
}

// An alert leads to its flows, whether they come before it or after it; parts of a long flow are one.
func TestEvidence(t *testing.T) {
	for _, before := range []bool{false, true} {
		b := build.New(options())
		alert := build.Alert{ID: "00000000000000bb", Detector: "x", Kind: "y", Severity: "high", Subject: "10.0.0.1", Total: 2, Flows: []uint64{5, 6}}
		if before {
			b.Alert(alert)
		} else {
			b.Remember()
		}
		_ = b.Flows([]flowtable.Record{flow(5, 1, 1, 10, 20, 100, 200), flow(7, 1, 3, 1, 1, 1, 2)})
		if !before {
			b.Alert(alert)
		}
		_ = b.Flows([]flowtable.Record{flow(5, 1, 1, 1, 2, 300, 400)})
		r := b.Report()
		flows, rows := table(t, r, "alert-flows")
		if len(flows.Rows) != 1 {
			t.Fatalf("got %d flows, want 1", len(flows.Rows))
		}
		check(t, "flow", rows["0000000000000005"], []int{2, 3, 9, 10}, 100, 300, 11, 22)
		_, alerts := table(t, r, "alerts")
		if got, want := alerts["00000000000000bb"][8].Link, "#"+flows.Rows[0][0].ID; got != want {
			t.Errorf("the alert leads to %q, want %q", got, want)
		}
	}
}

// Counters of a list are named after its elements.
func TestLedger(t *testing.T) {
	b := build.New(options())
	if err := b.Ledger([]byte(`{"packets":10,"flow":7,"malformed":{"a":1,"b":2},"detect":{"detectors":[{"name":"scan","raised":3},{"name":"hosts","raised":4}]},
		"capture":{"dropped":10,"interfaces":[{"interface":"eth0","received":9}]}}`)); err != nil {
		t.Fatal(err)
	}
	r := b.Report()
	_, fates := table(t, r, "ledger")
	check(t, "flow", fates["flow"], []int{1, 2}, 7, 0.35)
	check(t, "malformed", fates["malformed"], []int{1, 2}, 3, 0.15)
	check(t, "dropped", fates["capture.dropped"], []int{1, 2}, 10, 0.5)
	_, all := table(t, r, "ledger-all")
	check(t, "a detector", all["detect.detectors.hosts.raised"], []int{1}, 4)
	check(t, "an interface", all["capture.interfaces.eth0.received"], []int{1}, 9)
	for _, bad := range []string{"", "{", `{"a":`, strings.Repeat("[", 100)} {
		if err := build.New(options()).Ledger([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a ledger", bad)
		}
	}
}
