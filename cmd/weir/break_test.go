package main

import (
	"bytes"
	"context"
	"io"
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

// Whoever has read enough of standard output keeps nothing from the files and reports of the run.
func TestClosedPipeLeavesTheFiles(t *testing.T) {
	for _, args := range [][]string{
		{"replay", "--detect", "--aggregates", "--windows", "--stdout", "alerts"},
		{"replay", "--detect", "--windows", "--stdout", "flows"},
		{"detect", "--stdout", "alerts"},
	} {
		whole, out := t.TempDir(), t.TempDir()
		input := demo
		if args[0] == "detect" {
			input = flowsOf(t, demo)
		}
		run := func(dir string, stdout io.Writer, args []string) {
			t.Helper()
			var stderr bytes.Buffer
			a := &app{stdin: strings.NewReader(""), stdout: stdout, stderr: &stderr}
			if status := a.run(context.Background(), append(slices.Clone(args), "--out", dir, input)); status != exitOK {
				t.Fatalf("%q: status %d, %s", args, status, stderr.String())
			}
		}
		run(whole, io.Discard, args[:len(args)-2])
		run(out, closedPipe{}, args)
		want := names(t, whole)
		if got := names(t, out); !slices.Equal(got, want) || len(got) < 3 {
			t.Errorf("%q: got %q, want %q", args, got, want)
			continue
		}
		for _, name := range want {
			if !bytes.Equal(read(t, filepath.Join(out, name)), read(t, filepath.Join(whole, name))) {
				t.Errorf("%q: %s is another one than without --stdout", args, name)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "report")
	a := &app{stdin: strings.NewReader(""), stdout: closedPipe{}, stderr: io.Discard}
	if status := a.run(context.Background(), []string{"replay", "--windows", "--stdout", "windows", "--report", dir, demo}); status != exitOK || len(names(t, dir)) == 0 {
		t.Errorf("status %d, report %q", status, names(t, dir))
	}
}

// flowsOf returns the flow records of a capture.
func flowsOf(t *testing.T, path string) string {
	t.Helper()
	dir := t.TempDir()
	if status, _, stderr := command(t, nil, "replay", "--out", dir, path); status != exitOK {
		t.Fatal(stderr)
	}
	return filepath.Join(dir, "flows.ndjson")
}
