package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/internal/netnstest"
)

// Every minute leaves a line of the ledger that adds up; the last line is ledger.json.
func TestLiveLedgerOfEachMinute(t *testing.T) {
	if !netnstest.Inside(t) {
		return
	}
	netnstest.Pair(t, "wire0", "wire1")
	for _, name := range []string{"wire0", "wire1"} {
		netnstest.Run(t, "ip link set "+name+" mtu 9000 up")
	}
	dir := t.TempDir()
	const minute = 100 * time.Millisecond
	var stderr lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &stderr, minute: minute}
	status := make(chan int)
	go func() {
		status <- a.run(ctx, []string{"live", "-i", "wire1", "--out", dir, "--format", "csv", "--set", "output.flush=10ms"})
	}()
	until(t, "the capture to begin", func() bool { return strings.Contains(stderr.String(), "capturing") })
	sendDemo(t)
	until(t, "three minutes", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, ".ledger-*.ndjson.partial"))
		if err != nil || len(files) != 1 {
			return false
		}
		text, err := os.ReadFile(files[0])
		return err == nil && bytes.Count(text, []byte("\n")) > 3
	})
	stop()
	if s := <-status; s != 0 {
		t.Fatalf("status %d: %s", s, stderr.String())
	}
	lines := ledgerLines(t, dir)
	for i, line := range lines {
		begin, err := time.Parse(time.RFC3339Nano, line.Minute)
		if err != nil || !begin.Equal(begin.Truncate(minute)) || i > 0 && line.Minute <= lines[i-1].Minute || line.Run != lines[0].Run {
			t.Errorf("line %d: run %s, minute %s, %v", i, line.Run, line.Minute, err)
		}
		if taken, err := time.Parse(time.RFC3339Nano, line.Time); err != nil || taken.Before(begin) || taken.After(time.Now()) {
			t.Errorf("line %d: minute %s, taken %s, %v", i, line.Minute, line.Time, err)
		}
		for name, o := range line.Outputs {
			if o.Offered != o.Waiting+o.Open+o.Written+o.Full+o.Failed {
				t.Errorf("line %d: %s: got %+v, which does not add up", i, name, o)
			}
		}
	}
	last, books := lines[len(lines)-1], readLedger(t, dir)
	if last.Packets != uint64(len(demoFrames(t))) || last.PacketTime == "" {
		t.Errorf("the last line: got %d packets at %q", last.Packets, last.PacketTime)
	}
	if o := books.Outputs[ledgerFiles]; o != (outputBooks{Offered: uint64(len(lines)), Written: uint64(len(lines)), Files: o.Files}) {
		t.Errorf("ledger files: got %+v, want %d lines", o, len(lines))
	}
	delete(last.Outputs, ledgerFiles)
	delete(books.Outputs, ledgerFiles)
	if diff := cmp.Diff(books, last.liveLedger); diff != "" {
		t.Errorf("the last line differs from ledger.json (-json +line)\n%s", diff)
	}
}

// ledgerLines returns the lines of the ledger files, each of which has to add up.
func ledgerLines(t *testing.T, dir string) (lines []ledgerLine) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ledger-*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range bytes.Lines(text) {
			var line ledgerLine
			if err := json.Unmarshal(text, &line); err != nil {
				t.Fatalf("%s: %v: %s", file, err, text)
			}
			if err := line.Check(); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			lines = append(lines, line)
		}
	}
	return lines
}
