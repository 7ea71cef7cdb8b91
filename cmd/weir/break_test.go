package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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

// So does whoever has read enough of the summary, or whose disk for it is full, which is said once.
func TestUnreadSummaryLeavesTheFiles(t *testing.T) {
	for name, command := range map[string][]string{"replay": {"replay", "--detect"}, "detect": {"detect"}} {
		input := demo
		if name == "detect" {
			input = flowsOf(t, demo)
		}
		for stdout, want := range map[io.Writer]int{closedPipe{}: exitOK, fullDevice{}: exitFailed} {
			out, report := t.TempDir(), filepath.Join(t.TempDir(), "report")
			var stderr bytes.Buffer
			a := &app{stdin: strings.NewReader(""), stdout: stdout, stderr: &stderr}
			status := a.run(context.Background(), slices.Concat(command, []string{"--out", out, "--report", report, "--log-level", "error", input}))
			said := map[int]string{exitOK: "", exitFailed: "weir: write summary: no space left on device\n"}[want]
			if status != want || stderr.String() != said {
				t.Errorf("%s into %T: status %d, %q, want %d, %q", name, stdout, status, stderr.String(), want, said)
			}
			if !slices.Contains(names(t, out), "manifest.json") || !slices.Contains(names(t, report), "report.html") {
				t.Errorf("%s into %T: left records %q and a report %q", name, stdout, names(t, out), names(t, report))
			}
		}
	}
}

// fullDevice is /dev/full.
type fullDevice struct{}

func (fullDevice) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A report that cannot be written takes no records with it, and a directory of records is none for reports.
func TestReportThatCannotBeWritten(t *testing.T) {
	for name, command := range map[string][]string{"replay": {"replay", "--detect", demo}, "detect": {"detect", flowsOf(t, demo)}} {
		out, report := t.TempDir(), t.TempDir()
		if err := os.Mkdir(filepath.Join(report, ".hours.csv.partial"), 0o755); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, status := runReport(append(command, "--out", out, "--report", report)...)
		if status != exitFailed || !strings.Contains(stderr, "weir: write report into "+report+": create "+filepath.Join(report, "hours.csv")) {
			t.Errorf("%s: status %d, %s%s", name, status, stdout, stderr)
		}
		if got := names(t, report); len(got) != 1 || !slices.Contains(names(t, out), "manifest.json") {
			t.Errorf("%s: left of the report %q, of the records %q", name, got, names(t, out))
		}
		for _, same := range []string{out, filepath.Join(out, "..", filepath.Base(out)), filepath.Join(out, "new")} {
			_, stderr, status := runReport(append(command, "--out", filepath.Clean(same), "--report", same)...)
			if status != exitUsage || !strings.HasPrefix(stderr, "weir: --report: got "+same+", where the records are") {
				t.Errorf("%s: status %d, %s", name, status, stderr)
			}
		}
		if _, stderr, status := runReport("report", "-o", out, out); status != exitUsage || !strings.HasPrefix(stderr, "weir: --out: got "+out+", where the records are") {
			t.Errorf("report: status %d, %s", status, stderr)
		}
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
