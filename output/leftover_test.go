package output

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What a killed run leaves is completed with the records that are whole, wherever it was cut.
func TestRecoverWholeLines(t *testing.T) {
	records := flood(20)
	rapid.Check(t, func(t *rapid.T) {
		path, err := os.MkdirTemp("", "weir")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(path)
		format := rapid.SampledFrom([]Format{NDJSON, CSV}).Draw(t, "format")
		text := expected(format, records)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		name := "flows-20261121T113000Z_0001." + format.String()
		killed := append(bytes.Clone(text[:cut]), make([]byte, rapid.SampledFrom([]int{0, 1, 5000}).Draw(t, "zeros"))...)
		if len(killed) > cut { // a loss of power leaves zeros, and perhaps later text
			killed = append(killed, text[:len(text)/2]...)
		}
		if err := os.WriteFile(filepath.Join(path, "."+name+".partial"), killed, 0o644); err != nil {
			t.Fatal(err)
		}
		d := &Dir{path: path}
		got, err := d.Recover()
		if err != nil {
			t.Fatal(err)
		}
		whole := text[:bytes.LastIndexByte(text[:cut], '\n')+1]
		want := Leftover{Name: name, Records: bytes.Count(whole, []byte("\n")), Cut: int64(len(killed) - len(whole))}
		if format == CSV {
			want.Records--
		}
		if want.Records <= 0 {
			want = Leftover{Name: "." + name + ".partial", Cut: int64(len(killed))}
			if left := names(t, path); len(left) > 0 {
				t.Errorf("left %q without a record", left)
			}
		} else if !bytes.Equal(read(t, path, name), whole) {
			t.Errorf("%s is not the whole lines", name)
		}
		if diff := cmp.Diff(got, []Leftover{want}); diff != "" {
			t.Error(diff)
		}
		if again, err := d.Recover(); err != nil || len(again) > 0 {
			t.Errorf("again: got %v, %v", again, err)
		}
	})
}

func TestWholeLines(t *testing.T) {
	for text, want := range map[string][2]int64{
		"": {0, 0}, "a": {0, 0}, "\n": {1, 1}, "a\nbc": {1, 2}, "a\nbc\n": {2, 5}, "a\nb\x00\nc\n": {1, 2}, "\x00a\n": {0, 0},
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			if lines, end, err := wholeLines(r); int64(lines) != want[0] || end != want[1] || err != nil {
				t.Errorf("%q: got %d lines up to %d, %v, want %v", text, lines, end, err, want)
			}
		}
	}
}

// A run that is killed while it writes, and the next one in its place.
func TestRecoverKilledRun(t *testing.T) {
	for _, format := range []Format{NDJSON, CSV, Parquet} {
		path := t.TempDir()
		cfg := Config{Format: format.String()}
		killed, _ := flowFiles(path, cfg)
		if _, err := killed.put(at(1, 2, 3)); err != nil {
			t.Fatal(err)
		}
		killed.file.file.Close() // as the kernel does
		d := openDir(t, path)
		got, err := d.Recover()
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		f, _ := flowFiles(path, cfg)
		if _, err := f.put(at(1)); err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		name := "flows-20261121T113001Z." + format.String()
		next := "flows-20261121T113001Z_0001." + format.String()
		if format == Parquet {
			if got[0].Err == nil || got[0].Name != "."+name+".partial" {
				t.Errorf("got %+v, want it named and left", got[0])
			}
			wantFiles(t, path, "."+name+".partial", next)
		} else {
			if diff := cmp.Diff(got, []Leftover{{Name: name, Records: 3}}); diff != "" {
				t.Error(diff)
			}
			wantText(t, filepath.Join(path, name), string(expected(format, at(1, 2, 3))))
			wantText(t, filepath.Join(path, next), string(expected(format, at(1))))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Files of others are left alone, and a name that is taken is not taken away.
func TestRecoverLeavesOthersAlone(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{".mine.ndjson.partial", ".flows-20261121T113000Z.txt.partial", "x.flows-20261121T113000Z.csv.partial",
		".windows-20261121T113000Z.ndjson.partial", "windows-20261121T113000Z.ndjson"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(name+"\nx"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(path, ".flows-20261121T113000Z.csv.partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, path)
	defer d.Close()
	got, err := d.Recover()
	if diff := cmp.Diff(got, []Leftover{{Name: "windows-20261121T113000Z_2.ndjson", Records: 1, Cut: 1}}); err != nil || diff != "" {
		t.Error(err, diff)
	}
	wantFiles(t, path, ".mine.ndjson.partial", ".flows-20261121T113000Z.txt.partial", "x.flows-20261121T113000Z.csv.partial",
		".flows-20261121T113000Z.csv.partial", "windows-20261121T113000Z.ndjson", "windows-20261121T113000Z_2.ndjson")
	wantText(t, filepath.Join(path, "windows-20261121T113000Z.ndjson"), "windows-20261121T113000Z.ndjson\nx")
}

// A directory that cannot be written to is found before anything starts.
func TestRecoverTriesTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	d := openDir(t, path)
	defer d.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Recover(); err == nil || !strings.HasPrefix(err.Error(), "write into "+path+": no such file") {
		t.Errorf("got %v", err)
	}
}

// What a killed run has left and the next one would not write over, for it writes another format or has fewer rings, is
// removed, and nothing else.
func TestOpenDirSweeps(t *testing.T) {
	dir := t.TempDir()
	swept := []string{".flows.ndjson.partial", ".windows.parquet.partial", ".ledger.json.partial", ".ring-11.pcap.partial", ".weir-123.partial"}
	kept := []string{".flows-20261121T113000Z.csv.partial", ".mine.json.partial", ".mine.partial", "flows.csv", "windows.ndjson.partial"}
	for _, name := range append(swept, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".alerts.csv.partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, dir)
	defer d.Close()
	wantFiles(t, dir, append(kept, ".alerts.csv.partial")...)
}
