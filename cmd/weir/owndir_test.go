package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// contents returns the files of a directory with their texts.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

// A replay and weir detect replace what they have written before, and touch nothing of others.
func TestOtherRunsAreNotReplaced(t *testing.T) {
	dir := t.TempDir()
	conn := write(t, filepath.Join(dir, "conn.log"), []byte(scanned()))
	replayed, found := filepath.Join(dir, "replayed"), filepath.Join(dir, "found")
	for range 2 {
		mustRun(t, "replay", "--detect=scan", "--out", replayed, demo)
		mustRun(t, "detect", "--detect=scan", "--out", found, conn)
	}
	began, err := json.Marshal(manifest{Began: stamp(time.Unix(1_795_000_000, 0))})
	if err != nil {
		t.Fatal(err)
	}
	live := func(name, text string) string {
		return filepath.Dir(write(t, filepath.Join(t.TempDir(), name), []byte(text)))
	}
	for _, c := range []struct{ dir, writer, file string }{
		{replayed, "replay", "manifest.json"},
		{found, "detect", "manifest.json"},
		{live("manifest.json", string(began)), "live", "manifest.json"},
		{live("hosts-20261122T003759Z.ndjson", "{}\n"), "live", "hosts-20261122T003759Z.ndjson"},
		{live("manifest-20261122T003759Z_0001.json", "{}\n"), "live", "manifest-20261122T003759Z_0001.json"},
		{live(".flows-20261122T003759Z.csv.partial", "flow_id\n"), "live", ".flows-20261122T003759Z.csv.partial"},
	} {
		before := contents(t, c.dir)
		for _, args := range [][]string{{"replay", demo}, {"detect", conn}} {
			if args[0] == c.writer {
				continue
			}
			status, _, stderr := command(t, nil, append(args, "--out", c.dir)...)
			if want := "--out: got " + c.dir + ", where weir " + c.writer + " has written (" + c.file + "), want another directory"; status != exitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%s: got status %d, %q, want %q", args[0], status, stderr, want)
			}
			if diff := cmp.Diff(before, contents(t, c.dir)); diff != "" {
				t.Errorf("%s changed what weir %s has written: %s", args[0], c.writer, diff)
			}
		}
	}
}
