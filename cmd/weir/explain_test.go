package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tables that an earlier replay has left are not taken for those of the run that the manifest is of, and said to be there.
func TestTablesOfEarlierRunsAreNotRead(t *testing.T) {
	dir, page := t.TempDir(), t.TempDir()
	mustRun(t, "replay", "--detect=default", "--windows", "--out", dir, demo)
	mustRun(t, "replay", "--out", dir, "--filter", "not host 10.20.4.131", demo)
	const stale = ": alerts.ndjson, hosts.ndjson, ports.ndjson, scored_flows.ndjson, windows.ndjson, of an earlier run, for manifest.json does not name them"
	status, _, stderr := command(t, nil, "report", "-q", "-o", page, dir)
	if status != exitOK || strings.Count(stderr, "not read of "+dir+stale) != 1 {
		t.Errorf("report: got status %d, %q", status, stderr)
	}
	text, err := os.ReadFile(filepath.Join(page, "report.md"))
	if err != nil || !strings.Contains(string(text), "windows.ndjson, of an earlier run") || strings.Contains(string(text), "10.20.4.131") {
		t.Errorf("the report is about the hosts of the run before, or does not say that it is not: %v\n%.3000s", err, text)
	}
	if status, _, stderr := command(t, nil, "explain", "ab", dir); status != exitFailed || !strings.Contains(stderr, "holds no alerts.* and no alerts-TIME.*") || !strings.Contains(stderr, stale) {
		t.Errorf("explain: got status %d, %q", status, stderr)
	}
	if status, stdout, stderr := command(t, nil, "detect", "--detect=scan", dir); status != exitOK || !strings.Contains(stderr, stale) || strings.Contains(stdout, "10.20.4.131") {
		t.Errorf("detect: got status %d, %q, %q", status, stdout, stderr)
	}
}

// What weir explain cannot read of a directory it names, and shows the rest.
func TestExplainNamesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	alert := `{"schema":"weir.alert.v1","id":"00000000000000aa","time":"2026-01-01T00:00:00Z","detector":"scan","kind":"address_scan","severity":"medium","evidence":["00000000000000bb"]}` + "\n"
	for name, text := range map[string]string{"alerts.ndjson": alert + "garbage\n", "alerts-20260101T000000Z.ndjson": alert + alert[:40]} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := command(t, nil, "explain", "aa00", dir)
	if want := `no alert "aa00" in`; status != exitUsage || !strings.Contains(stderr, want) || !strings.Contains(stderr, "ends in the middle") {
		t.Errorf("of an alert that is not there: got status %d, %q, want %q and why rows are missing", status, stderr, want)
	}
	status, stdout, stderr := command(t, nil, "explain", "00000000000000aa", dir)
	if status != exitOK {
		t.Fatalf("got status %d, %s", status, stderr)
	}
	for _, want := range []string{"scan/address_scan", "alerts.ndjson: 1 rows cannot be read", "alerts-20260101T000000Z.ndjson ends in the middle of a row"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
}
