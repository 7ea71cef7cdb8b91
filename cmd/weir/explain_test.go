package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
