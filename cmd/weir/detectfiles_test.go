package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// scanned is a conn.log of Zeek's: 30 hosts that did not answer, and a connection that was taken.
func scanned() string {
	text := "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
	for i := range 30 {
		text += fmt.Sprintf("%d.5\tC%d\t10.0.0.9\t%d\t192.0.2.%d\t445\ttcp\tS0\tS\t1\t60\t0\t0\n", 1000+i, i, 40000+i, i+1)
	}
	return text + "1031.5\tCx\t10.0.0.9\t41000\t192.0.2.99\t443\ttcp\tSF\tShADadfF\t9\t900\t9\t9000\n"
}

// A scan is found in somebody else's records; weir explain shows it with its flows, whatever the format of the alerts.
func TestDetectAndExplain(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "conn.log"), []byte(scanned()))
	var texts []string
	for _, format := range []string{"ndjson", "csv", "parquet"} {
		out := filepath.Join(dir, format)
		status, stdout, stderr := command(t, nil, "detect", "--detect=scan", "--format", format, "--out", out, in)
		if status != exitOK || !strings.Contains(stdout, "31 rows read: 31 flows judged, 0 late, 0 unreadable, 0 not IP") || !strings.Contains(stdout, "scan/address_scan") {
			t.Fatalf("got status %d, %q, %q", status, stdout, stderr)
		}
		var ledger detectLedger
		text, err := os.ReadFile(filepath.Join(out, "ledger.json"))
		if err != nil || json.Unmarshal(text, &ledger) != nil || ledger.Rows != 31 || ledger.Order.Judged != 31 {
			t.Errorf("ledger: %v, %s", err, text)
		}
		id := strings.Fields(strings.SplitN(stdout, "\n", 2)[1])[0]
		status, stdout, stderr = command(t, nil, "explain", id[:6], out)
		for _, want := range []string{id, "10.0.0.9 client", "failed_hosts", "192.0.2.1 445", "S0", "the first 10; there were 30"} {
			if status != exitOK || !strings.Contains(stdout, want) {
				t.Fatalf("explain: got status %d, %q, %q, want %q", status, stdout, stderr, want)
			}
		}
		texts = append(texts, stdout)
		status, stdout, _ = command(t, nil, "explain", "--format", "json", id, out)
		var e explainedJSON
		if err := json.Unmarshal([]byte(stdout), &e); err != nil || status != exitOK || e.Alert["id"] != id || len(e.Flows) != 10 {
			t.Errorf("explain as JSON: %v, %s", err, stdout)
		}
	}
	if texts[0] != texts[1] || texts[0] != texts[2] {
		t.Errorf("alerts in CSV and Parquet are explained otherwise than in NDJSON:\n%s", strings.Join(texts, "\n"))
	}
}

// Alerts do not depend on the order of the rows, as long as the buffer holds them.
func TestDetectInAnyOrder(t *testing.T) {
	text := scanned()
	head, rows, _ := strings.Cut(text, "1000.5")
	lines := strings.Split(strings.TrimSuffix("1000.5"+rows, "\n"), "\n")
	dir := t.TempDir()
	sorted := write(t, filepath.Join(dir, "sorted"), []byte(text))
	_, want, _ := command(t, nil, "detect", "--detect=scan", "--stdout", "alerts", sorted)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	shuffled := write(t, filepath.Join(dir, "shuffled"), []byte(head+strings.Join(lines, "\n")+"\n"))
	if _, got, _ := command(t, nil, "detect", "--detect=scan", "--stdout", "alerts", shuffled); got != want || want == "" {
		t.Errorf("shuffled: got %q, want %q", got, want)
	}
	_, got, stderr := command(t, nil, "detect", "--detect=scan", "--set", "detect.reorder=1", shuffled)
	if !strings.Contains(got, " late") || strings.Contains(got, " 0 late") || !strings.Contains(stderr, "late=") {
		t.Errorf("with a buffer of one: got %q, %q, want flows that are late", got, stderr)
	}
}

func TestDetectAndExplainOfWrongInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return write(t, filepath.Join(dir, name), []byte(text)) }
	log := file("conn.log", scanned())
	if status, _, stderr := command(t, nil, "detect", "--detect=scan", "--out", dir+"/found", log); status != exitOK {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no path", []string{"detect"}, exitUsage, "no flow records given; usage: weir detect PATH..."},
		{"missing file", []string{"detect", dir + "/none"}, exitUsage, "none: no such file or directory"},
		{"text", []string{"detect", "--out", dir + "/nothing", file("text", "hello\n")}, exitFailed, "text: not flow records but CSV with other columns"},
		{"capture", []string{"detect", demo}, exitFailed, "not flow records but a capture, which weir replay reads"},
		{"missing column", []string{"detect", file("nodst", strings.Replace(scanned(), "id.resp_h", "x", 1))}, exitFailed, "a log of Zeek's without id.resp_h"},
		{"the second file is none", []string{"detect", "--out", dir + "/nothing", log, dir + "/text"}, exitFailed, "text: not flow records"},
		{"one bad row", []string{"detect", file("bad", scanned()+"x\ty\n")}, exitOK, "row cannot be read"},
		{"one bad row, strict", []string{"detect", "--strict", dir + "/bad"}, exitFailed, "0 of 1 files cut short, 1 rows unreadable"},
		{"cut", []string{"detect", file("cut", strings.TrimSuffix(scanned(), "9\t9000\n"))}, exitOK, "flow records end early"},
		{"into the records", []string{"detect", "--out", dir + "/./", dir}, exitUsage, "--out: got " + dir + "/./, where the records are, want another directory"},
		{"empty", []string{"detect", file("empty", "")}, exitFailed, "not flow records but an empty file"},
		{"empty NDJSON", []string{"detect", "--detect=scan", file("flows.ndjson", ""), log}, exitOK, `msg="flow records are an empty file" file=` + dir + "/flows.ndjson"},
		{"detector", []string{"detect", "--detect=scam", log}, exitUsage, `got "scam"`},
		{"stdout", []string{"detect", "--stdout", "flows", log}, exitUsage, `--stdout: got "flows", want alerts`},
		{"format without a place", []string{"detect", "--format", "csv", log}, exitUsage, "--format: the summary has no records"},
		{"explain, no arguments", []string{"explain"}, exitUsage, "got 0 arguments, want an alert's id and a directory"},
		{"explain, no directory", []string{"explain", "ab", dir + "/none"}, exitUsage, "none: no such file or directory"},
		{"explain, no alerts", []string{"explain", "ab", dir}, exitFailed, "holds no alerts.* and no alerts-TIME.*"},
		{"explain, no such alert", []string{"explain", "xyz", dir + "/found"}, exitUsage, `no alert "xyz" in ` + dir + "/found; near it: "},
	} {
		status, _, stderr := command(t, nil, c.args...)
		if status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: got status %d, %q; want %d, %q", c.name, status, stderr, c.status, c.want)
		}
	}
	if left, _ := os.ReadDir(dir + "/nothing"); len(left) > 0 {
		t.Errorf("runs that failed left %v", left)
	}
}

// An alert of records that came through standard input has no flows to show, and is explained all the same.
func TestExplainPiped(t *testing.T) {
	out := t.TempDir()
	var found, problems strings.Builder
	a := &app{stdin: strings.NewReader(scanned()), stdout: &found, stderr: &problems}
	if status := a.run(t.Context(), []string{"detect", "--detect=scan", "--out", out, "-"}); status != exitOK {
		t.Fatalf("got status %d, %q", status, &problems)
	}
	id := strings.Fields(strings.SplitN(found.String(), "\n", 2)[1])[0]
	status, stdout, _ := command(t, nil, "explain", id, out)
	if status != exitOK || !strings.Contains(stdout, "its flows are not here: the records came through standard input") {
		t.Errorf("explain: got status %d, %q", status, stdout)
	}
	if status, _, stderr := command(t, nil, "report", "-q", "-o", filepath.Join(t.TempDir(), "r"), out); status != exitOK {
		t.Errorf("report: got status %d, %q", status, stderr)
	}
}

// A port that the file has not is no port 0; without servers' ports it is refused.
func TestDetectWithoutPorts(t *testing.T) {
	volumes := "timestamp,src_ip,dst_ip,proto,port,up_bytes,down_bytes\n158297400025,10.0.0.1,192.0.2.1,tcp,443,1000,2000\n"
	records := strings.NewReplacer("\"client_port\"", "\"port_of_the_client\"")
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--out", dir, demo); status != exitOK {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "flows.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for _, flows := range []string{volumes, records.Replace(first) + "\n"} {
		status, stdout, stderr := command(t, nil, "detect", "--detect=basic", write(t, filepath.Join(t.TempDir(), "flows"), []byte(flows)))
		if status != exitOK || !strings.Contains(stdout, "No alerts.") || !strings.Contains(stdout, "1 rows read") {
			t.Errorf("got status %d, %q, %q, want no alert of %q", status, stdout, stderr, flows)
		}
	}
	without := strings.Replace(first, "\"server_port\"", "\"port\"", 1) + "\n"
	if status, stdout, stderr := command(t, nil, "detect", write(t, filepath.Join(dir, "without"), []byte(without))); status != exitFailed || !strings.Contains(stderr, "without server_port") {
		t.Errorf("got status %d, %q, %q, want server_port to be missed", status, stdout, stderr)
	}
}

// closedPipe is what a program is that has read enough.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// The files are written though nobody reads the summary.
func TestDetectIntoHead(t *testing.T) {
	dir := t.TempDir()
	in, out := write(t, filepath.Join(dir, "conn.log"), []byte(scanned())), filepath.Join(dir, "out")
	a := &app{stdin: strings.NewReader(""), stdout: closedPipe{}, stderr: io.Discard}
	if status := a.run(t.Context(), []string{"detect", "--out", out, in}); status != exitOK {
		t.Errorf("got status %d", status)
	}
	for _, name := range []string{"alerts.ndjson", "hosts.ndjson", "scored_flows.ndjson", "ports.ndjson", "ledger.json", "manifest.json"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
