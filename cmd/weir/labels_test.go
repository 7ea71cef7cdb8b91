package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/research"
	"github.com/weir-sensor/weir/sensor"
)

const demoLabels = "../../testdata/demo.labels.tsv"

// What is wrong with --labels and --shift-to is said in one line, before anything is started.
func TestLabelsUsage(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return write(t, filepath.Join(dir, name), []byte(text)) }
	const heading = "ts_first\tts_last\tsrc\tsport\tdst\tdport\tproto\tclass\n"
	const times = `, want a time from 1967-09-20T00:00:06Z to 2257-09-16T23:47:28Z such as 2026-01-31T12:00:00Z, or seconds since the epoch`
	for _, test := range []struct{ flag, value, want string }{
		{"--labels", dir + "/none.tsv", "read labels: " + dir + "/none.tsv: no such file or directory"},
		{"--labels", dir, "read labels: " + dir + ": is a directory"},
		{"--labels", file("empty.tsv", ""), "empty.tsv:1: got no columns, want a first line that names them, separated by tabs: " +
			"ts_first, ts_last, src, sport, dst, dport, proto and some of class, family, transport, workload"},
		{"--labels", demo, "demo.pcap.gz:1: got data that is no text, want a first line that names the columns (compressed files are not read)"},
		{"--labels", file("prose.tsv", "What the flows are\n"), "prose.tsv:1: got no column ts_first, want a first line that names the columns, " +
			"separated by tabs, with ts_first, ts_last, src, sport, dst, dport, proto among them"},
		{"--labels", file("missing.tsv", strings.Replace(heading, "dst", "target", 1)), "missing.tsv:1: got no column dst, want a first line"},
		{"--labels", file("number.tsv", heading+"1\t2\t192.0.2.1\tmany\t192.0.2.2\t2\ttcp\tpt\n"), `number.tsv:2: sport: got "many", want a port, 0 to 65535`},
		{"--labels", file("address.tsv", heading+"1\t2\t192.0.2.1\t1\texample\t2\ttcp\tpt\n"), `address.tsv:2: dst: got "example", want an IPv4 or IPv6 address`},
		{"--labels", demoLabels + "," + dir + "/none.tsv", "read labels: " + dir + "/none.tsv: no such file or directory"},
		{"--labels", "", "--labels: got an empty name, want a file of labels"},
		{"--labels", demoLabels + ",", "--labels: got an empty name, want a file of labels"},
		{"--shift-to", "noon", `--shift-to: got "noon"` + times},
		{"--shift-to", "2026-01-31", `--shift-to: got "2026-01-31"` + times},
		{"--shift-to", "2026-02-30T12:00:00Z", `--shift-to: got "2026-02-30T12:00:00Z"` + times},
		{"--shift-to", "1e9", `--shift-to: got "1e9"` + times},
		{"--shift-to", "9999-01-01T00:00:00Z", `--shift-to: got "9999-01-01T00:00:00Z"` + times},
		{"--shift-to", "0001-01-01T00:00:00Z", `--shift-to: got "0001-01-01T00:00:00Z"` + times},
		{"--shift-to", "99999999999", `--shift-to: got "99999999999"` + times},
		{"--shift-to", "1967-09-20T00:00:05Z", `--shift-to: got "1967-09-20T00:00:05Z"` + times},
		{"--shift-to", "2257-09-16T23:47:29Z", `--shift-to: got "2257-09-16T23:47:29Z"` + times},
		{"--shift-to", "", `--shift-to: got ""` + times},
	} {
		out := filepath.Join(dir, "out")
		status, stdout, stderr := command(t, nil, "replay", test.flag, test.value, "--out", out, demo)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s %s: got status %d, stdout %q, stderr %s\nwant status %d, %s", test.flag, test.value, status, stdout, stderr, exitUsage, test.want)
		}
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Fatalf("%s %s: got %v, want no output directory", test.flag, test.value, err)
		}
	}
}

// Labels are columns of flows and windows, the same in both formats and with any number of shards; the ledger, the manifest
// and stderr say what became of them.
func TestReplayWithLabels(t *testing.T) {
	args := []string{"replay", "--labels", demoLabels, "--windows", "--out"}
	dir, other := t.TempDir(), t.TempDir()
	status, _, stderr := command(t, nil, append(args, dir, "--shards", "1", demo)...)
	if status != exitOK {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"rows=2658 once=2550 parts=0 several=0 outdone=0 never=108", "labelled=2550 unlabelled=0 swapped=0 contested=0",
		"labelled=118 partial=2 ambiguous=0 unlabelled=0",
		"rows=108 where=\"" + demoLabels + ":33 " + demoLabels + ":34 ", demoLabels + ":42 ... (--log-level debug names all)\"",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("got stderr %s\nwant in it %s", stderr, want)
		}
	}
	if status, _, stderr := command(t, nil, append(args, other, "--shards", "5", "--set", "sensor.batch=100", demo)...); status != exitOK {
		t.Fatal(stderr)
	}
	for _, name := range []string{"flows.ndjson", "windows.ndjson", "ledger.json", "manifest.json"} {
		a, errA := os.ReadFile(filepath.Join(dir, name))
		b, errB := os.ReadFile(filepath.Join(other, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %v, %v, or it depends on the shards", name, errA, errB)
		}
	}
	var books struct {
		sensor.Ledger
		Labels research.Report
	}
	readJSON(t, filepath.Join(dir, "ledger.json"), &books)
	if books.Check() != nil || books.Packets != 11534 || books.Labels.Rows != (research.RowReport{Total: 2658, Once: 2550, Never: 108}) ||
		books.Labels.Flows.Labelled != books.Flows.Opened || books.Labels.Windows.Labelled+books.Labels.Windows.Partial != books.Windows.Written {
		t.Errorf("got ledger %+v", books)
	}
	var m manifest
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	// ls -l, xxhsum -H2, wc -l
	want := []manifestLabels{{Name: demoLabels, Size: 388429, XXH3: "0e68438684ca62226aa73dd6a5b962bc", Rows: 2658}}
	if !slices.Equal(m.Labels, want) || m.Shift != nil {
		t.Errorf("got labels %+v, shift %+v in the manifest", m.Labels, m.Shift)
	}

	classes := map[string]int{}
	for _, r := range lines(t, filepath.Join(dir, "flows.ndjson")) {
		classes[r["label_class"].(string)+" "+r["label_family"].(string)]++
	}
	wantClasses := rowsBy(t, "class", "family")
	wantClasses["benign http"] -= 38 // those of which the capture has nothing
	wantClasses["benign tls"] -= 70
	if !reflect.DeepEqual(classes, wantClasses) {
		t.Errorf("got flows %v, want %v", classes, wantClasses)
	}
	_, stdout, _ := command(t, nil, "replay", "--labels", demoLabels, "--format", "csv", "--stdout", "flows", demo)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != 1+2550 {
		t.Fatal(len(rows), err)
	}
	if got := strings.Join(rows[0][len(rows[0])-4:], " "); got != "label_class label_family label_transport label_workload" {
		t.Errorf("got last columns %s", got)
	}
	partial := 0
	for _, w := range lines(t, filepath.Join(dir, "windows.ndjson")) {
		if w["label_class"] == nil {
			t.Errorf("got window without class: %v", w)
		}
		if w["label_workload"] == nil {
			partial++
		}
	}
	if partial != 2 {
		t.Errorf("got %d windows without a workload, want 2", partial)
	}
}

// rowsBy counts the rows of the demo's labels by the values of two columns.
func rowsBy(t *testing.T, columns ...string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(demoLabels)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")
	names := strings.Split(rows[0], "\t")
	count := map[string]int{}
	for _, row := range rows[1:] {
		var values []string
		for _, c := range columns {
			values = append(values, strings.Split(row, "\t")[slices.Index(names, c)])
		}
		count[strings.Join(values, " ")]++
	}
	return count
}

// lines reads a file of JSON objects.
func lines(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// With --shift-to the first packet has that time, every other keeps its distance, labels find their flows all the same,
// and nothing else of a flow changes but its id, which is made from its first packet's time.
func TestReplayShifted(t *testing.T) {
	var before, after [2][]map[string]any
	var offset time.Duration
	for i, to := range []string{"2020-01-01T00:00:00.5Z", "1577836800.5"} {
		plain, shifted := t.TempDir(), t.TempDir()
		if status, _, stderr := command(t, nil, "replay", "--labels", demoLabels, "--out", plain, demo); status != exitOK {
			t.Fatal(stderr)
		}
		if status, _, stderr := command(t, nil, "replay", "--labels", demoLabels, "--shift-to", to, "--out", shifted, demo); status != exitOK {
			t.Fatal(stderr)
		}
		before[i], after[i] = lines(t, filepath.Join(plain, "flows.ndjson")), lines(t, filepath.Join(shifted, "flows.ndjson"))
		var m manifest
		readJSON(t, filepath.Join(shifted, "manifest.json"), &m)
		// The first packet is at 1795217820.670414 (capinfos): 1577836800.5 - 1795217820.670414 = -217381020.170414.
		if m.Shift == nil || *m.Shift != (manifestShift{To: "2020-01-01T00:00:00.5Z", Offset: "-217381020.170414000"}) {
			t.Errorf("%s: got %+v", to, m.Shift)
		}
		offset = -217381020_170414000
	}
	if len(before[0]) != 2550 || !reflect.DeepEqual(after[0], after[1]) {
		t.Fatalf("got %d flows, or others with seconds than with RFC 3339", len(before[0]))
	}
	shifted := map[string]int{}
	for _, f := range after[0] {
		shifted[text(t, f, 0)]++
	}
	for _, f := range before[0] {
		if key := text(t, f, offset); shifted[key] == 0 {
			t.Fatalf("got no flow %s", key)
		} else {
			shifted[key]--
		}
	}
}

// Windows are cut at the same packets where the shift is a whole number of segments.
func TestWindowsShifted(t *testing.T) {
	var all [2][]map[string]any
	for i, to := range []string{"1795217820.670414", "1735217820.670414"} { // the first packet's time, and 60,000,000 s before
		dir := t.TempDir()
		if status, _, stderr := command(t, nil, "replay", "--labels", demoLabels, "--windows", "--shift-to", to, "--out", dir, demo); status != exitOK {
			t.Fatal(stderr)
		}
		all[i] = lines(t, filepath.Join(dir, "windows.ndjson"))
		for _, w := range all[i] {
			for _, name := range []string{"segment_start", "first", "last"} {
				at, err := time.Parse(time.RFC3339Nano, w[name].(string))
				if err != nil {
					t.Fatal(err)
				}
				w[name] = at.Unix() + int64(i)*60_000_000
			}
		}
	}
	if len(all[0]) != 120 || !reflect.DeepEqual(all[0], all[1]) {
		t.Errorf("got %d windows, or others with the shift", len(all[0]))
	}
}

// text is a flow record but for its id, its times moved.
func text(t *testing.T, flow map[string]any, offset time.Duration) string {
	t.Helper()
	moved := map[string]any{}
	for name, value := range flow {
		moved[name] = value
	}
	delete(moved, "flow_id")
	for _, name := range []string{"start", "end"} {
		at, err := time.Parse(time.RFC3339Nano, flow[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		moved[name] = at.Add(offset)
	}
	line, err := json.Marshal(moved)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// Where the shift moves packets out of the time there is, they stay at its end and are counted.
func TestReplayShiftedOutOfTime(t *testing.T) {
	dir := t.TempDir()
	status, _, stderr := command(t, nil, "replay", "--labels", demoLabels, "--windows", "--shift-to", "9079256848.778919935", "--out", dir, demo)
	var books sensor.Ledger
	readJSON(t, filepath.Join(dir, "ledger.json"), &books)
	if status != exitOK || books.Check() != nil || books.Packets != 11534 || books.Clamped != 11533 {
		t.Errorf("got status %d, %v, %d of %d packets clamped, want all but the first: %s", status, books.Check(), books.Clamped, books.Packets, stderr)
	}
}

func TestDecimalSeconds(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0.000000000", 1: "0.000000001", -1: "-0.000000001", -1_500_000_000: "-1.500000000",
		1<<63 - 1: "9223372036.854775807", -1 << 63: "-9223372036.854775808",
	} {
		if got := decimalSeconds(ns); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
	}
}
