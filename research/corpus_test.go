package research_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

// flowSink keeps all records.
type flowSink struct{ records []flowtable.Record }

func (s *flowSink) Flows(r []flowtable.Record) error {
	s.records = append(s.records, r...)
	return nil
}
func (*flowSink) Flush() error { return nil }
func (*flowSink) Close() error { return nil }
func (*flowSink) Abort() error { return nil }

// noWindows takes windows and forgets them.
type noWindows struct{}

func (noWindows) Windows([]features.Window) error { return nil }
func (noWindows) Flush() error                    { return nil }
func (noWindows) Close() error                    { return nil }
func (noWindows) Abort() error                    { return nil }

// replay joins a capture's records and windows to its labels.
func replay(t *testing.T, capture string, labels *research.Labels) ([]flowtable.Record, *research.Joiner) {
	t.Helper()
	src, err := pcapfile.Open([]string{capture}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cfg := features.DefaultConfig()
	j := research.NewJoiner(labels, &cfg, nil)
	var sink flowSink
	_, err = sensor.Run(context.Background(), src, &sink, sensor.Options{
		Config: sensor.Config{Shards: 2, Batch: 1000}, Flow: flowtable.DefaultConfig(),
		Windows: cfg, WindowSink: noWindows{}, LabelFlows: j.Flows, LabelWindows: j.Windows,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sink.records, j
}

// table reads a labels file's columns in the plainest way: each row as what its columns say.
func table(t *testing.T, path string) (rows []map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	names := strings.Split(lines[0], "\t")
	for i, line := range lines[1:] {
		row := map[string]string{"place": fmt.Sprintf("%s:%d", path, i+2)}
		for i, value := range strings.Split(line, "\t") {
			row[names[i]] = value
		}
		rows = append(rows, row)
	}
	return rows
}

func micros(ns int64) string {
	return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1e3)
}

// same compares all that a labels file says of a flow with its record, and counts the records that it found so: which are
// those of the row's two ends that begin when it says. The labels' measurements were made by another program.
func same(t *testing.T, rows []map[string]string, records []flowtable.Record, labels *research.Labels) (compared int) {
	t.Helper()
	known := map[string]map[string]string{}
	for _, r := range rows {
		ends := []string{r["src"], r["sport"], r["dst"], r["dport"]}
		if r["proto"] == "icmp" {
			ends = []string{r["src"], "", r["dst"], ""}
		}
		known[fmt.Sprint(ends, r["proto"], r["ts_first"])] = r
	}
	for _, f := range records {
		client, server := f.Client.Netip(f.Version).String(), f.Server.Netip(f.Version).String()
		clientPort, serverPort := fmt.Sprint(f.ClientPort), fmt.Sprint(f.ServerPort)
		proto := map[uint8]string{6: "tcp", 17: "udp", 1: "icmp"}[f.Proto]
		if proto == "icmp" {
			clientPort, serverPort = "", ""
		}
		up, down := flowtable.Up, flowtable.Down
		r := known[fmt.Sprint([]string{client, clientPort, server, serverPort}, proto, micros(f.Start))]
		if r == nil {
			up, down = down, up
			r = known[fmt.Sprint([]string{server, serverPort, client, clientPort}, proto, micros(f.Start))]
		}
		if r == nil || r["ts_last"] != micros(f.End) {
			continue
		}
		compared++
		got := fmt.Sprint(f.Packets[up], f.Packets[down], f.Payload[up], f.Payload[down])
		if want := strings.Join([]string{r["pkts_c2s"], r["pkts_s2c"], r["bytes_c2s"], r["bytes_s2c"]}, " "); got != want {
			t.Errorf("%s: got packets and payload %s, want %s", r["place"], got, want)
		}
		if f.Label == 0 {
			t.Errorf("%s: its record has no label", r["place"])
			continue
		}
		for i, name := range labels.FlowLabels().Names {
			want := strings.TrimPrefix(r[name], "-")
			if got := labels.FlowLabels().Rows[f.Label-1][i]; got != want {
				t.Errorf("%s: got %s %q, want %q", r["place"], name, got, want)
			}
		}
	}
	return compared
}

// The demo's records are the rows of its labels, to the microsecond, the packet and the byte, but for the trimming: of
// ordinary HTTP and TLS the capture has nothing after 1795218570.4 (tshark), of which the labels tell to the end. So 108
// rows are of flows that are not there, and 8 tell of a longer flow.
func TestDemo(t *testing.T) {
	labels, err := research.LoadLabels(t.Context(), "../testdata/demo.labels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if f := labels.Files[0]; f.XXH3 != "0e68438684ca62226aa73dd6a5b962bc" || f.Size != 388429 || f.Rows != 2658 { // xxhsum -H2, ls, wc
		t.Errorf("got %+v", f)
	}
	records, j := replay(t, "../testdata/demo.pcap.gz", labels)
	want := research.RowReport{Total: 2658, Once: 2550, Never: 108}
	if got := j.Report(); got.Rows != want || got.Flows != (research.FlowReport{Labelled: 2550}) ||
		*got.Windows != (research.WindowReport{Labelled: 118, Partial: 2}) {
		t.Errorf("got %+v, windows %+v", got, *got.Windows)
	}
	rows := table(t, "../testdata/demo.labels.tsv")
	if n := same(t, rows, records, labels); n != 2550-8 {
		t.Errorf("got %d records as their row says, want %d", n, 2550-8)
	}
	// The two ends of a row that no flow matched appear in no record, whichever of them is the client.
	seen := map[string]bool{}
	for _, f := range records {
		a := fmt.Sprint(f.Client.Netip(f.Version), f.ClientPort)
		b := fmt.Sprint(f.Server.Netip(f.Version), f.ServerPort)
		seen[a+" "+b], seen[b+" "+a] = true, true
	}
	never := map[string]bool{}
	for _, place := range j.Places(research.Never, math.MaxInt) {
		never[place] = true
	}
	for _, r := range rows {
		if never[r["place"]] && seen[fmt.Sprint(r["src"], " ", r["sport"], " ", r["dst"], " ", r["dport"])] {
			t.Errorf("%s: got no match, want the record of the same ends", r["place"])
		}
	}
}

// Over both runs of the corpus every flow has a label and every row a record, but for those where weir and whoever made the
// labels differ in what a flow is:
//
//   - several: the row spans a pause longer than the idle timeout (of ICMP 30 s, of UDP 60 s), so weir has two flows
//   - outdone: a refused SYN that was sent again a second later with the same sequence number. That is the same connection
//     to weir; the labels have a row for each
func TestCorpus(t *testing.T) {
	shared := os.Getenv("WEIR_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	for run, want := range map[string]research.Report{
		"dev": {
			Rows:    research.RowReport{Total: 15383, Once: 15373, Several: 3, Outdone: 7},
			Flows:   research.FlowReport{Labelled: 15379, Swapped: 5, Contested: 7},
			Windows: &research.WindowReport{Labelled: 1895, Partial: 292},
		},
		"dev3": {
			Rows:    research.RowReport{Total: 15145, Once: 15137, Several: 2, Outdone: 6},
			Flows:   research.FlowReport{Labelled: 15141, Swapped: 4, Contested: 6},
			Windows: &research.WindowReport{Labelled: 1871, Partial: 273},
		},
	} {
		files, _ := filepath.Glob(filepath.Join(shared, "corpus", run, "*.labels.tsv"))
		if len(files) == 0 {
			t.Skip("the labelled corpus is not at hand (WEIR_SHARED names its parent directory)")
		}
		got, compared := research.Report{Windows: &research.WindowReport{}}, 0
		for _, file := range files {
			labels, err := research.LoadLabels(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			records, j := replay(t, strings.Replace(file, ".labels.tsv", ".pcap.gz", 1), labels)
			add(&got, j.Report())
			compared += same(t, table(t, file), records, labels)
		}
		if got.Rows != want.Rows || got.Flows != want.Flows || *got.Windows != *want.Windows {
			t.Errorf("%s: got %+v, windows %+v\nwant %+v, windows %+v", run, got, *got.Windows, want, *want.Windows)
		}
		if n := int(want.Rows.Once - want.Rows.Outdone); compared != n {
			t.Errorf("%s: got %d records as their row says, want %d", run, compared, n)
		}
	}
}

func add(sum *research.Report, r research.Report) {
	sum.Rows.Total += r.Rows.Total
	sum.Rows.Once += r.Rows.Once
	sum.Rows.Parts += r.Rows.Parts
	sum.Rows.Several += r.Rows.Several
	sum.Rows.Outdone += r.Rows.Outdone
	sum.Rows.Never += r.Rows.Never
	sum.Flows.Labelled += r.Flows.Labelled
	sum.Flows.Unlabelled += r.Flows.Unlabelled
	sum.Flows.Swapped += r.Flows.Swapped
	sum.Flows.Contested += r.Flows.Contested
	sum.Windows.Labelled += r.Windows.Labelled
	sum.Windows.Partial += r.Windows.Partial
	sum.Windows.Ambiguous += r.Windows.Ambiguous
	sum.Windows.Unlabelled += r.Windows.Unlabelled
}

// Parts of one flow, cut by the active timeout, are no two flows.
func TestParts(t *testing.T) {
	labels, err := research.LoadLabels(t.Context(), "../testdata/demo.labels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	src, err := pcapfile.Open([]string{"../testdata/demo.pcap.gz"}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	j := research.NewJoiner(labels, nil, nil)
	cfg := flowtable.DefaultConfig()
	cfg.ActiveTimeout = time.Second
	var sink flowSink
	_, err = sensor.Run(context.Background(), src, &sink, sensor.Options{
		Config: sensor.Config{Shards: 1, Batch: 1000}, Flow: cfg, LabelFlows: j.Flows,
	})
	if err != nil {
		t.Fatal(err)
	}
	parts := map[uint64]int{} // records by flow
	for _, r := range sink.records {
		parts[r.ID]++
	}
	var want research.RowReport
	for _, n := range parts {
		if n > 1 {
			want.Parts++
		} else {
			want.Once++
		}
	}
	want.Total, want.Never = 2658, 108
	if got := j.Report(); got.Rows != want || want.Parts < 20 || got.Flows.Labelled != uint64(len(sink.records)) {
		t.Errorf("got %+v of %d records, want %+v", got, len(sink.records), want)
	}
}
