package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/output"
)

// names returns what is in a directory, hidden files included.
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A run whose last file cannot be written leaves none of the others.
func TestReplayWithoutManifestLeavesNothing(t *testing.T) {
	for _, name := range []string{"ledger.json", "manifest.json"} {
		out := t.TempDir()
		if err := os.Mkdir(filepath.Join(out, name), 0o755); err != nil {
			t.Fatal(err)
		}
		status, _, stderr := command(t, nil, "replay", "--out", out, demo)
		if status != exitFailed || !strings.Contains(stderr, name) {
			t.Errorf("%s: status %d, %q", name, status, stderr)
		}
		if got := names(t, out); !slices.Equal(got, []string{name}) {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

// Two runs never write into one directory at a time: the second is refused, and touches nothing.
func TestReplayIntoDirectoryInUse(t *testing.T) {
	out := t.TempDir()
	first, err := output.OpenDir(out)
	if err != nil {
		t.Fatal(err)
	}
	status, _, stderr := command(t, nil, "replay", "--out", out, demo)
	if want := "weir: open " + out + ": another run is writing into it\n"; status != exitFailed || stderr != want {
		t.Errorf("status %d, %q, want %q", status, stderr, want)
	}
	if got := names(t, out); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, nil, "replay", "--out", out, demo); status != exitOK {
		t.Errorf("afterwards: status %d, %q", status, stderr)
	}
	if got, want := names(t, out), []string{"flows.ndjson", "ledger.json", "manifest.json"}; !slices.Equal(got, want) {
		t.Errorf("afterwards: %q, want %q", got, want)
	}
}
