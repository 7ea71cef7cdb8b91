package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// column returns the values of a column of a Parquet file, and the file.
func column(t *testing.T, path, name string) ([]parquet.Value, *parquet.File) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	leaf, ok := f.Schema().Lookup(name)
	if !ok {
		t.Fatalf("%s has no %s", path, name)
	}
	var values []parquet.Value
	for _, group := range f.RowGroups() {
		pages := group.ColumnChunks()[leaf.ColumnIndex].Pages()
		for {
			page, err := pages.ReadPage()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			read := make([]parquet.Value, page.NumValues())
			if n, err := page.Values().ReadValues(read); n != len(read) || err != nil && err != io.EOF {
				t.Fatal(n, err)
			}
			for _, v := range read {
				values = append(values, v.Clone())
			}
		}
		if err := pages.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return values, f
}

// A run writes the same records in Parquet as in NDJSON, the same bytes for any number of shards, and to standard output
// what it writes into a file.
func TestReplayParquet(t *testing.T) {
	run := func(args ...string) string {
		t.Helper()
		status, stdout, stderr := command(t, nil, append([]string{"replay", "--set", "window.enabled=true", "--features", "all"}, append(args, demo)...)...)
		if status != exitOK {
			t.Fatalf("%v: %s", args, stderr)
		}
		return stdout
	}
	text, dir := t.TempDir(), t.TempDir()
	run("--out", text)
	run("--out", dir, "--format", "parquet", "--shards", "1")
	if got, want := names(t, dir), []string{"flows.parquet", "ledger.json", "manifest.json", "windows.parquet"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for file, name := range map[string]string{"flows": "flow_id", "windows": "target"} {
		lines, err := os.ReadFile(filepath.Join(text, file+".ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		values, f := column(t, filepath.Join(dir, file+".parquet"), name)
		if got, _ := f.Lookup("weir.version"); got != programVersion() {
			t.Errorf("%s: got version %q, want that of the program", file, got)
		}
		i := 0
		for line := range bytes.Lines(lines) {
			var record map[string]any
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatal(err)
			}
			if i >= len(values) || values[i].String() != record[name] {
				t.Fatalf("%s, record %d of %d: want %s %v", file, i, len(values), name, record[name])
			}
			i++
		}
		if i != len(values) || i == 0 {
			t.Errorf("%s: got %d records, want %d", file, len(values), i)
		}
	}

	other := t.TempDir()
	run("--out", other, "--format", "parquet", "--shards", "3", "--set", "sensor.batch=1")
	for _, file := range []string{"flows", "windows"} {
		want, err := os.ReadFile(filepath.Join(dir, file+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(other, file+".parquet")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes with 3 shards, %v", file, err)
		}
		if got := run("--stdout", file, "--format", "parquet"); got != string(want) {
			t.Errorf("%s: other bytes on standard output", file)
		}
	}
}

func TestReplayParquetToFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full: %v", err)
	}
	defer full.Close()
	for _, records := range []string{"flows", "windows"} {
		var stderr bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: full, stderr: &stderr}
		status := a.run(t.Context(), []string{"replay", "--stdout", records, "--format", "parquet", demo})
		if want := "weir: write standard output: no space left on device\n"; status != exitFailed || !strings.HasSuffix(stderr.String(), want) {
			t.Errorf("%s: got status %d, %q, want %q", records, status, stderr.String(), want)
		}
	}
}
