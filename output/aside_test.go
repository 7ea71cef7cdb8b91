package output

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What each run names alike gets the time at which its run began, and nothing is replaced, however often runs begin within a
// second, and also where one was killed before all was renamed.
func TestSetAside(t *testing.T) {
	path := t.TempDir()
	write := func(text string, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := openDir(t, path)
	began := time.Date(2026, 11, 21, 12, 30, 0, 999, time.FixedZone("", 3600))
	all := []string{"hosts.ndjson", "ledger.json", "manifest.json"}
	set := func(at time.Time, want ...string) {
		t.Helper()
		if got, err := d.SetAside(at, all...); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	set(began)
	write("one", all...)
	write("other", "flows.ndjson", "flows-20261121T113000Z.ndjson")
	set(began, "hosts-20261121T113000Z.ndjson", "ledger-20261121T113000Z.json", "manifest-20261121T113000Z.json")
	write("two", "ledger.json", "manifest.json")
	set(began, "ledger-20261121T113000Z_0001.json", "manifest-20261121T113000Z_0001.json")
	write("three", "hosts.ndjson", "manifest.json")
	set(began, "hosts-20261121T113000Z_0002.ndjson", "manifest-20261121T113000Z_0002.json")
	write("four", "manifest.json", "hosts-20261121T113001Z.ndjson") // it was killed after the first
	set(began.Add(time.Second), "manifest-20261121T113001Z.json")
	wantFiles(t, path, "flows.ndjson", "flows-20261121T113000Z.ndjson", "hosts-20261121T113000Z.ndjson", "ledger-20261121T113000Z.json",
		"manifest-20261121T113000Z.json", "ledger-20261121T113000Z_0001.json", "manifest-20261121T113000Z_0001.json",
		"hosts-20261121T113000Z_0002.ndjson", "manifest-20261121T113000Z_0002.json", "hosts-20261121T113001Z.ndjson", "manifest-20261121T113001Z.json")
	for name, text := range map[string]string{"hosts-20261121T113000Z.ndjson": "one", "manifest-20261121T113000Z_0001.json": "two",
		"hosts-20261121T113000Z_0002.ndjson": "three", "manifest-20261121T113001Z.json": "four"} {
		wantText(t, filepath.Join(path, name), text)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// What a run has kept goes into a directory of its own, each run's into another one, and what is in the way stays.
func TestMoveAside(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	began := time.Date(2026, 11, 21, 11, 30, 0, 0, time.UTC)
	move := func(text, want string, there ...string) {
		t.Helper()
		for _, name := range there {
			if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := d.MoveAside(began, "ring-0.pcap", "manifest.json"); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		for _, name := range there {
			wantText(t, filepath.Join(path, want, name), text)
		}
	}
	move("", "")
	move("one", "run-20261121T113000Z", "ring-0.pcap") // and is killed: the rest goes where that went
	move("one", "run-20261121T113000Z", "manifest.json")
	move("two", "run-20261121T113000Z_0001", "ring-0.pcap", "manifest.json")
	move("three", "run-20261121T113000Z_0002", "manifest.json")
	wantText(t, filepath.Join(path, "run-20261121T113000Z", "manifest.json"), "one")
	wantFiles(t, path, "run-20261121T113000Z", "run-20261121T113000Z_0001", "run-20261121T113000Z_0002")
	if err := os.WriteFile(filepath.Join(path, "run-20261121T113000Z_0003"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "manifest.json"), []byte("four"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.MoveAside(began, "manifest.json"); err == nil {
		t.Error("no error where a file is in the way")
	}
	wantText(t, filepath.Join(path, "manifest.json"), "four")
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
