package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weir-sensor/weir/sensor"
)

const demo = "../../testdata/demo.pcap.gz"

// demoPlain returns the demo capture without its compression.
func demoPlain(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open(demo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// withLink returns the capture with another link type in its header.
func withLink(capture []byte, link uint32) []byte {
	other := bytes.Clone(capture)
	binary.LittleEndian.PutUint32(other[20:], link)
	return other
}

// What a user can get wrong: the exit status, and a line on stderr that says so. Nothing is left behind unless some of
// the input could be read.
func TestReplayOfWrongInput(t *testing.T) {
	dir := t.TempDir()
	plain := demoPlain(t)
	file := func(name string, data []byte) string { return write(t, filepath.Join(dir, name), data) }
	huge := bytes.Clone(plain)
	binary.LittleEndian.PutUint32(huge[24+8:], 1<<31-1)
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   string // in stderr
		output bool   // files are written
	}{
		{"no path", nil, exitUsage, "no capture given; usage: weir replay PATH... [flags]", false},
		{"missing file", []string{dir + "/none.pcap"}, exitUsage, "open " + dir + "/none.pcap: no such file or directory", false},
		{"directory without captures", []string{dir + "/empty"}, exitFailed, dir + "/empty: no captures in it", false},
		{"text", []string{file("text", []byte("hello, world\n"))}, exitFailed, "text: not a capture but text (weir reads pcap and pcapng", false},
		{"empty file", []string{file("zero", nil)}, exitFailed, "zero: not a capture but empty", false},
		{"text on standard input", []string{"-"}, exitFailed, "-: not a capture but", false},
		{"header alone", []string{file("header.pcap", plain[:24])}, exitOK, "packets=0 flows=0", true},
		{"cut", []string{file("cut.pcap", plain[:100_000])}, exitOK, "offset=99066", true},
		{"cut, strict", []string{"--strict", dir + "/cut.pcap"}, exitFailed, "weir: 1 of 1 captures cut short or damaged", true},
		{"record longer than any packet", []string{file("huge.pcap", huge)}, exitOK, "record of 2147483647 bytes", true},
		{"unknown link type", []string{file("link.pcap", withLink(plain, 250))}, exitFailed, "none of the captures' link types (250)", true},
		{"filter", []string{"--filter", "tcp prt 80", demo}, exitUsage, `capture.filter: compile filter "tcp prt 80"`, false},
		{"format", []string{"--format", "xml", demo}, exitUsage, `output.format: got "xml", want ndjson, csv or parquet`, false},
		{"stdout", []string{"--stdout", "packets", demo}, exitUsage, `--stdout: got "packets", want flows, windows or alerts`, false},
		{"stdout empty", []string{"--stdout", "", demo}, exitUsage, `--stdout: got "", want flows, windows or alerts`, false},
		{"out empty", []string{"--out", "", demo}, exitUsage, `--out: got an empty name, want a directory`, false},
		{"output in a file's place", []string{"--out", file("taken", nil) + "/x", demo}, exitFailed, "taken: not a directory", false},
	} {
		out := filepath.Join(dir, "out", test.name)
		status, stdout, stderr := command(t, nil, append([]string{"replay", "--out", out}, test.args...)...)
		if status != test.status || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: got status %d, stdout %q, stderr %q\nwant status %d, stderr with %q",
				test.name, status, stdout, stderr, test.status, test.want)
		}
		left, err := os.ReadDir(out)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if (len(left) > 0) != test.output {
			t.Errorf("%s: got %d files, want some: %v", test.name, len(left), test.output)
		}
	}
}

// One run's files agree with each other and with the summary.
func TestReplayWritesWhatItSays(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--out", dir, demo); status != exitOK {
		t.Fatal(stderr)
	}
	var ledger sensor.Ledger
	readJSON(t, filepath.Join(dir, "ledger.json"), &ledger)
	if err := ledger.Check(); err != nil || ledger.Packets != 11534 { // capinfos -c testdata/demo.pcap.gz
		t.Errorf("got %d packets, %v, want 11534 and a balanced ledger", ledger.Packets, err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "flows.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var flows, packets, wire uint64
	for line := range bytes.Lines(lines) {
		var r struct {
			PacketsUp   uint64 `json:"packets_up"`
			PacketsDown uint64 `json:"packets_down"`
			WireUp      uint64 `json:"wire_bytes_up"`
			WireDown    uint64 `json:"wire_bytes_down"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		flows++
		packets += r.PacketsUp + r.PacketsDown
		wire += r.WireUp + r.WireDown
	}
	if flows != ledger.Flows.Opened || packets != ledger.Flow || wire != ledger.WireBytes {
		t.Errorf("got %d flows of %d packets and %d bytes, want those of the ledger: %+v", flows, packets, wire, ledger)
	}
	var m manifest
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	// xxhsum -H2 testdata/demo.pcap.gz
	if len(m.Inputs) != 1 || m.Inputs[0].XXH3 != "402bc1f36a774d19f4c887751f944a70" || m.Inputs[0].Frames != 11534 || !m.Complete ||
		!slices.Equal(m.Outputs, []string{"flows.ndjson", "ledger.json"}) {
		t.Errorf("got manifest %+v", m)
	}

	status, stdout, stderr := command(t, nil, "replay", "--stdout", "flows", demo)
	if status != exitOK || stdout != string(lines) {
		t.Errorf("--stdout flows: got status %d, %d bytes, stderr %q; want the %d bytes of flows.ndjson", status, len(stdout), stderr, len(lines))
	}
	status, stdout, stderr = command(t, nil, "replay", "--format", "csv", "--stdout", "flows", demo)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if status != exitOK || err != nil || uint64(len(rows)) != flows+1 {
		t.Errorf("CSV: got status %d, %d rows, %v, stderr %q; want a heading and %d rows", status, len(rows), err, stderr, flows)
	}
	status, stdout, stderr = command(t, nil, "replay", demo)
	if status != exitOK || !strings.HasPrefix(stdout, "11,534 packets") || !strings.Contains(stdout, "\ntop talkers, by bytes\n") {
		t.Errorf("summary: got status %d, stderr %q, stdout\n%s", status, stderr, stdout)
	}
}

// Features are columns behind the others, of the groups that were asked for; they fit the schema, and the counts that
// A group by itself has the columns and values that it has among all.
func TestReplayFeatureGroups(t *testing.T) {
	columns := func(groups string) map[string][]string {
		status, stdout, stderr := command(t, nil, "replay", "--features", groups, "--format", "csv", "--stdout", "flows", demo)
		rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
		if status != exitOK || err != nil {
			t.Fatal(status, err, stderr)
		}
		by := map[string][]string{}
		for i, name := range rows[0] {
			for _, row := range rows[1:] {
				by[name] = append(by[name], row[i])
			}
		}
		return by
	}
	all, seen := columns("all"), 0
	plain := len(columns(""))
	for _, group := range []string{"lengths", "intervals", "entropy", "first_payload", "splt", "bursts", "first_packet"} {
		some := columns(group)
		seen += len(some) - plain
		for name, values := range some {
			if !slices.Equal(values, all[name]) {
				t.Errorf("--features %s: got other values of %s than with all groups", group, name)
			}
		}
	}
	if got := len(all) - plain; got != seen || got != 50 {
		t.Errorf("got %d columns of all groups, and %d of each by itself, want 50", got, seen)
	}
}

// are there without them.
func TestReplayFeatures(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--features", "all", "--out", dir, demo); status != exitOK {
		t.Fatal(stderr)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "flows.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	_, plain, _ := command(t, nil, "replay", "--stdout", "flows", demo)
	before := strings.Split(plain, "\n")
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/flow.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var withSPLT int
	for line := range bytes.Lines(lines) {
		if was := strings.TrimSuffix(before[0], "}"); !strings.HasPrefix(string(line), was+`,"len_mean_up":`) {
			t.Fatalf("%s does not go on from %s", line, was)
		}
		before = before[1:]
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var r struct {
			Packets  float64    `json:"packets_up"`
			Bytes    float64    `json:"bytes_up"`
			Payload  float64    `json:"payload_up"`
			Duration float64    `json:"duration"`
			Mean     *float64   `json:"len_mean_up"`
			Interval float64    `json:"interval_mean_up"`
			SPLT     [][2]int64 `json:"splt"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if (r.Mean == nil) != (r.Packets == 0) || r.Mean != nil && math.Abs(*r.Mean*r.Packets-r.Bytes) > 1e-9*r.Bytes {
			t.Errorf("mean length %v is not bytes / packets: %s", r.Mean, line)
		}
		if r.Interval*(r.Packets-1) > r.Duration*1e6*(1+1e-9) {
			t.Errorf("the intervals are longer than the flow: %s", line)
		}
		up := 0.0
		for _, p := range r.SPLT {
			up += max(0, float64(p[0]))
		}
		if up > r.Payload || len(r.SPLT) < 32 && up != r.Payload {
			t.Errorf("splt has %v bytes from the client, the flow %v: %s", up, r.Payload, line)
		}
		withSPLT += min(1, len(r.SPLT))
	}
	if withSPLT == 0 {
		t.Error("no flow has packets with payload")
	}
	status, stdout, stderr := command(t, nil, "replay", "--features", "bursts,entropy", "--format", "csv", "--stdout", "flows", demo)
	if header, _, _ := strings.Cut(stdout, "\n"); status != exitOK || !strings.HasSuffix(header, ",quality,entropy_mean_up,entropy_mean_down,bursts") {
		t.Errorf("two groups: got status %d, stderr %q, heading %s", status, stderr, header)
	}
	status, stdout, stderr = command(t, nil, "replay", "--features", "lengths,smell", "--stdout", "flows", demo)
	if status != exitUsage || stdout != "" || !strings.Contains(stderr, "flow.features") || !strings.Contains(stderr, "smell") {
		t.Errorf("unknown group: got status %d, stderr %q, %d bytes", status, stderr, len(stdout))
	}
}

// Shards and batches are nowhere in what is written.
func TestReplayWritesTheSameBytes(t *testing.T) {
	want := map[string][]byte{}
	for i, args := range [][]string{
		{"--shards", "1"}, {"--shards", "2", "--set", "sensor.batch=1"}, {"--shards", "8", "--set", "sensor.batch=256"},
	} {
		dir := t.TempDir()
		if status, _, stderr := command(t, nil, append([]string{"replay", "--windows", "--set", "window.packets=5", "--features", "all", "--out", dir, demo}, args...)...); status != exitOK {
			t.Fatal(stderr)
		}
		for _, name := range []string{"flows.ndjson", "windows.ndjson", "ledger.json", "manifest.json"} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				want[name] = got
			} else if !bytes.Equal(got, want[name]) {
				t.Errorf("%v: %s differs from that of one shard", args, name)
			}
		}
	}
}

// A run that is asked to stop completes its files and says that it was not everything.
func TestReplayStopsInOrder(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		to.Write(demoPlain(t)[:60_000])
		stop() // and the pipe stays open
	}()
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: from, stdout: &stdout, stderr: &stderr}
	if status := a.run(ctx, []string{"replay", "--out", dir, "-"}); status != exitOK {
		t.Errorf("got status %d: %s", status, &stderr)
	}
	var m manifest
	readJSON(t, filepath.Join(dir, "manifest.json"), &m)
	if m.Complete || !strings.Contains(stderr.String(), "stopped by a signal") {
		t.Errorf("got complete %v, stderr %q, want false and a warning", m.Complete, &stderr)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// A flag about records is refused where no record is written.
func TestReplayToNowhere(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--windows"}, "--windows: there is nowhere to write windows to, want --out DIRECTORY, --report DIRECTORY or --stdout windows"},
		{[]string{"--windows", "--stdout", "flows"}, "--windows: there is nowhere to write windows to, want --out DIRECTORY, --report DIRECTORY or --stdout windows"},
		{[]string{"--format", "csv"}, "--format: the summary has no records, want --out DIRECTORY or --stdout flows"},
		{[]string{"--features", "all"}, "--features: the summary has no records, want --out DIRECTORY or --stdout flows"},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"replay", demo}, test.args...)...)
		if status != exitUsage || stdout != "" || stderr != "weir: "+test.want+"\n" {
			t.Errorf("%v: got status %d, %.100q, %.300q", test.args, status, stdout, stderr)
		}
	}
	if status, _, stderr := command(t, nil, "replay", "--windows=false", demo); status != exitOK {
		t.Errorf("without windows: got status %d, %s", status, stderr)
	}
}

// A signal while the labels are read ends the command before anything is written.
func TestReplayStoppedBeforeItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	status := a.run(ctx, []string{"replay", "--labels", "../../testdata/demo.labels.tsv", demo})
	if status != exitFailed || stdout.Len() > 0 || stderr.String() != "weir: read labels: stopped by a signal\n" {
		t.Errorf("got status %d, %.100q, %.300q", status, &stdout, &stderr)
	}
}

// Files of an earlier run that a run does not replace are named, those that it does are not.
func TestFilesOfEarlierRunsAreNamed(t *testing.T) {
	out, found := t.TempDir(), t.TempDir()
	for _, test := range []struct{ args, older string }{
		{"replay --detect=scan,ports " + demo, ""},
		{"replay --detect=scan,ports " + demo, ""},
		{"detect --detect=scan,ports " + out, ""},
		{"detect --detect=scan,ports " + out, ""},
		{"replay " + demo, "files=alerts.ndjson,ports.ndjson"},
		{"replay --format csv --detect=scan,ports " + demo, "files=flows.ndjson,alerts.ndjson,ports.ndjson"},
		{"detect --format parquet --detect=scan,ports " + out, "files=alerts.ndjson,ports.ndjson"},
	} {
		to := out
		if strings.HasPrefix(test.args, "detect") {
			to = found
		}
		status, _, stderr := command(t, nil, append(strings.Fields(test.args), "--out", to)...)
		_, older, _ := strings.Cut(stderr, "for this run's\" ")
		older, _, _ = strings.Cut(older, "\n")
		if status != 0 || older != test.older {
			t.Errorf("%s: status %d, files %q, want %q: %s", test.args, status, older, test.older, stderr)
		}
	}
}
