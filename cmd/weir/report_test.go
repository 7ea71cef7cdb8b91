package main

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/report"
)

// reportOf returns a report's Markdown without the line that names its input.
func reportOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, report.MarkdownName))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[3:], "\n")
}

// A report says the same of a capture, of the run that replays it, and of the records that the run leaves, in any format.
func TestReportsAgree(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	labels := "--labels=" + strings.Replace(demo, ".pcap.gz", ".labels.tsv", 1)
	mustRun(t, "report", demo, labels, "-o", at("capture"))
	want := reportOf(t, at("capture"))
	for _, section := range []string{"ledger", "hosts", "alerts", "traffic", "countries", "networks", "hours", "talkers", "servers", "exfiltration",
		"lateral", "transports", "windows", "clusters"} {
		if !strings.Contains(want, `<a id="`+section+`"></a>`) {
			t.Errorf("no section %s", section)
		}
	}
	if strings.Contains(want, "There are no") {
		t.Error("a section without data, although the demo has some for each")
	}
	mustRun(t, "replay", demo, labels, "--windows", "--detect", "--report", at("run"))
	made := []string{"run"}
	for _, format := range []string{"ndjson", "csv", "parquet"} {
		mustRun(t, "replay", demo, labels, "--windows", "--detect", "--format", format, "--out", at(format))
		mustRun(t, "report", at(format), "-o", at(format+"-report"))
		made = append(made, format+"-report")
	}
	for _, name := range made {
		if diff := cmp.Diff(reportOf(t, at(name)), want); diff != "" {
			t.Errorf("%s: got -, from the capture +\n%s", name, diff)
		}
	}
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, status := runReport(args...)
	if status != 0 {
		t.Fatalf("weir %s: exit status %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

func runReport(args ...string) (stdout, stderr string, status int) {
	var out, complaints bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &complaints}
	status = a.run(context.Background(), args)
	return out.String(), complaints.String(), status
}

func TestReportOfSomeSections(t *testing.T) {
	dir := t.TempDir()
	shown := mustRun(t, "report", "--exfiltration", "90", "--by-hour", "--by-country", "--lateral", "10.20.0.0/16", "-o", filepath.Join(dir, "some.txt"), demo)
	kept, err := os.ReadFile(filepath.Join(dir, "some.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if shown != string(kept) {
		t.Error("the terminal and the file differ")
	}
	for _, want := range []string{"Connections by hour", "Bytes out and in", "Inside the network", "Countries", "Only the top 10 % of 10 clients"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "Top talkers") {
		t.Error("a section that nobody asked for")
	}
	if quiet := mustRun(t, "report", "--by-hour", "--quiet", "-o", filepath.Join(dir, "hours.html"), demo); quiet != "" {
		t.Errorf("quiet, and says %q", quiet)
	}
	page, err := os.ReadFile(filepath.Join(dir, "hours.html"))
	if err != nil || !bytes.Contains(page, []byte("<html")) {
		t.Errorf("no page: %v", err)
	}
}

// flowLine is a flow of ours with what a hostile network could put into its records.
const flowLine = `{"flow_id":"00000000000000aa","start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:01Z","proto":"tcp","client":"10.0.0.1","client_port":5,"server":"192.0.2.1","server_port":80,"bytes_up":10,"bytes_down":20}` + "\n"

func TestReportOfBrokenInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	alert := `{"id":"00000000000000bb","detector":"x","kind":"<script>alert(1)</script>","severity":"high","subject":"10.0.0.1","message":"\"quoted\"\nnew \u202eline <img src=x onerror=alert(1)>","evidence":["00000000000000aa"],"evidence_total":1,"count":1,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:00:00Z"}` + "\n"
	readOnly := write("file", "")
	for _, test := range []struct {
		name   string
		args   []string
		status int
		says   string // in the report or on stderr
	}{
		{"no records", []string{filepath.Dir(write("none/flows.ndjson", ""))}, 0, "There are no flow records."},
		{"one record", []string{filepath.Dir(write("one/flows.ndjson", flowLine))}, 0, "There are too few flows: 1"},
		{"cut in the middle", []string{filepath.Dir(write("cut/flows.ndjson", flowLine+flowLine[:90]))}, 0, "cut/flows.ndjson"},
		{"nothing can be read", []string{write("bad.ndjson", strings.Replace(flowLine, "10.0.0.1", "nobody", 1))}, 1, "none of the 1 rows"},
		{"cut ledger", []string{filepath.Dir(write("ledger/flows.ndjson", flowLine)), "--set=report.rows=1"}, 0, "What was lost is not known"},
		{"corrupt database", []string{filepath.Dir(write("one/flows.ndjson", flowLine)), "--databases", write("x.mmdb", "nothing")}, 0, "A database was left out: " + filepath.Join(dir, "x.mmdb")},
		{"hostile alert", []string{filepath.Dir(write("hostile/flows.ndjson", flowLine))}, 0, "quoted"},
		{"damaged parquet beside others", []string{filepath.Dir(write("two/flows-20260101T000000Z.ndjson", flowLine))}, 0, "two/flows-20260102T000000Z.parquet"},
		{"neither records nor a capture", []string{write("what", "what is this?")}, 1, "not"},
		{"nothing there", []string{filepath.Join(dir, "nowhere")}, 2, "nowhere"},
		{"records and captures", []string{filepath.Join(dir, "one"), demo}, 2, "one or the other"},
		{"an output that cannot be written", []string{filepath.Join(dir, "one"), "-o", filepath.Join(readOnly, "x")}, 1, "file"},
		{"percentile", []string{filepath.Join(dir, "one"), "--exfiltration", "100"}, 2, "--exfiltration: got 100"},
		{"network", []string{filepath.Join(dir, "one"), "--lateral", "10.0.0.0/33"}, 2, "--lateral"},
		{"quiet", []string{filepath.Join(dir, "one"), "--quiet"}, 2, "--quiet"},
	} {
		write("ledger/ledger.json", `{"packets": 12, "flows": {"op`)
		write("hostile/alerts.ndjson", alert)
		write("two/flows-20260102T000000Z.parquet", "PAR1 and then nothing")
		args := append([]string{"report"}, test.args...)
		stdout, stderr, status := runReport(args...)
		if status != test.status || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("%s: got exit status %d and\n%s%s\nwant %d and %q", test.name, status, stdout, stderr, test.status, test.says)
		}
		if test.status != 0 || len(test.args) > 1 && test.args[1] == "-o" {
			continue
		}
		out := filepath.Join(dir, "out")
		mustRun(t, append(args, "-o", out)...)
		page, err := os.ReadFile(filepath.Join(out, report.PageName))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(page); strings.Contains(text, "<script>alert") || strings.Contains(text, "<img src=x") || strings.Contains(text, "\u202e") {
			t.Errorf("%s: the page holds what traffic wrote, as it was", test.name)
		}
	}
}

// Names come from whoever is asked, each address once.
func TestResolve(t *testing.T) {
	asked := make(chan string, 10)
	r := newResolver()
	r.look = func(_ context.Context, address string) ([]string, error) {
		asked <- address
		if address == "192.0.2.1" {
			return []string{"host.example.", "other.example."}, nil
		}
		return nil, os.ErrNotExist
	}
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 2 {
		if diff := cmp.Diff(r.names([]netip.Addr{one, two}), map[netip.Addr]string{one: "host.example"}, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
	}
	if len(asked) != 2 {
		t.Errorf("got %d questions, want 2", len(asked))
	}
}
