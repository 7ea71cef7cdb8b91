package output

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// syncs counts what is synced, by name, instead of syncing it.
type syncs struct {
	names []string
	err   error // of the next ones
}

func (s *syncs) sync(f *os.File) error {
	s.names = append(s.names, filepath.Base(f.Name()))
	return s.err
}

// flowFiles returns a store of flows that rotates as cfg says, and what it syncs.
func flowFiles(dir string, cfg Config) (*files[flowtable.Record], *syncs) {
	format, _ := ParseFormat(cfg.Format)
	l := Live{Config: cfg, Dir: &Dir{path: dir}}
	f := newFiles(l, "flows", func(r *flowtable.Record) int64 { return r.Written }, func(target Target) recordSink[flowtable.Record] {
		if format == Parquet {
			return NewFlowsParquet(target, Columns{}, "")
		}
		return NewFlows(target, format, 1, Columns{})
	})
	s := &syncs{}
	f.fsync = s.sync
	return f, s
}

// names returns what is in the directory, sorted by bytes.
func names(t rapid.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func read(t rapid.TB, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// at returns records that are due at these seconds after 2026-11-21 11:30:00 UTC.
func at(seconds ...int64) []flowtable.Record {
	records := flood(len(seconds))
	for i, s := range seconds {
		records[i].Written = 1795260600e9 + s*1e9
	}
	return records
}

// However records come and files end, together the files are the one file that would have been written, every file is
// complete in itself, and none has records of two stretches of time or is longer than it needs to be.
func TestFilesAreTheOneFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "weir")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		format := rapid.SampledFrom([]Format{NDJSON, CSV}).Draw(t, "format")
		cfg := Config{Format: format.String(), Rotate: RotationConfig{
			Every: rapid.SampledFrom([]time.Duration{0, time.Second, 7 * time.Second, time.Hour}).Draw(t, "every"),
			Size:  rapid.SampledFrom([]int{0, 1, 2000, 100_000}).Draw(t, "size"),
		}}
		f, synced := flowFiles(dir, cfg)
		records := flood(rapid.IntRange(0, 700).Draw(t, "records"))
		clock := int64(1795260600e9) + rapid.Int64Range(-5e9, 5e9).Draw(t, "clock")
		steps := rapid.SliceOfN(rapid.SampledFrom([]int64{0, 0, 0, 1e6, 5e8, 3e9}), 1, 50).Draw(t, "steps")
		for i := range records {
			clock += steps[i%len(steps)]
			records[i].Written = clock
		}
		for rest := records; len(rest) > 0; {
			n := min(rapid.IntRange(1, 600).Draw(t, "group"), len(rest))
			if taken, err := f.put(slices.Clone(rest[:n])); taken != n || err != nil {
				t.Fatal(taken, err)
			}
			if rapid.Bool().Draw(t, "tick") {
				f.tick(rest[n-1].Written, 0)
			}
			rest = rest[n:]
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		header := ""
		if format == CSV {
			header = string(appendHeader(nil, FlowColumns(Columns{})))
		}
		together, all := []byte(header), names(t, dir)
		rest := records
		for i, name := range all {
			text := read(t, dir, name)
			body, ok := bytes.CutPrefix(text, []byte(header))
			n := bytes.Count(body, []byte("\n"))
			if !ok || n == 0 {
				t.Fatalf("%s: got %d records, want some, behind the heading", name, n)
			}
			together = append(together, body...)
			first, last := rest[0].Written, rest[n-1].Written
			rest = rest[n:]
			if every := int64(cfg.Rotate.Every); every > 0 && first/every != last/every {
				t.Errorf("%s: records of %d and %d are %d apart", name, first, last, every)
			} else if every > 0 && cfg.Rotate.Size == 0 && i+1 < len(all) && rest[0].Written/every == last/every {
				t.Errorf("%s ends before its time", name)
			}
			if size := cfg.Rotate.Size; size > 0 && len(text) >= size+chunkRecords*800 { // a line has some 720
				t.Errorf("%s: got %d bytes, want %d and a group of records at most", name, len(text), size)
			}
		}
		if want := expected(format, records); len(all) > 0 && !bytes.Equal(together, want) {
			t.Errorf("%d files are not the one", len(all))
		}
		if cfg.Rotate == (RotationConfig{}) && len(all) > 1 {
			t.Errorf("got %d files without a reason to rotate", len(all))
		}
		want := Status{Written: uint64(len(records)), Files: uint64(len(all))}
		if got := f.books(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for i, name := range all { // each file, and then the directory
			if !slices.Contains([]string{"." + name + ".partial"}, synced.names[2*i]) || synced.names[2*i+1] != filepath.Base(dir) {
				t.Errorf("%s: synced %q", name, synced.names[2*i:2*i+2])
			}
		}
	})
}

func TestFilesNames(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Format: "ndjson", Rotate: RotationConfig{Every: 5 * time.Minute, Size: 100}}
	f, _ := flowFiles(dir, cfg)
	put := func(seconds ...int64) {
		t.Helper()
		if n, err := f.put(at(seconds...)); n != len(seconds) || err != nil {
			t.Fatal(n, err)
		}
	}
	put(17)  // begins in the middle of its stretch
	put(18)  // the one before has its size
	put(18)  // in the same second
	put(299) // the last of the stretch
	put(304) // from here on the name is the stretch's: nothing was due before
	put(2000)
	f.tick(at(2099)[0].Written, 0)
	wantFiles(t, dir, "flows-20261121T113017Z.ndjson", "flows-20261121T113018Z.ndjson", "flows-20261121T113018Z_0001.ndjson",
		"flows-20261121T113459Z.ndjson", "flows-20261121T113500Z.ndjson", "flows-20261121T120000Z.ndjson")
	put(2010) // and its size makes the next one
	f.tick(at(2099)[0].Written, 0)
	wantFiles(t, dir, "flows-20261121T113017Z.ndjson", "flows-20261121T113018Z.ndjson", "flows-20261121T113018Z_0001.ndjson",
		"flows-20261121T113459Z.ndjson", "flows-20261121T113500Z.ndjson", "flows-20261121T120000Z.ndjson", "flows-20261121T120330Z.ndjson")
	if err := f.close(); err != nil {
		t.Fatal(err)
	}

	// Another run in the same second writes over nothing.
	before := read(t, dir, "flows-20261121T113018Z.ndjson")
	f, _ = flowFiles(dir, cfg)
	put(18)
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Contains(got, "flows-20261121T113018Z_0002.ndjson") || !slices.IsSorted(got) {
		t.Errorf("got %q", got)
	}
	wantText(t, filepath.Join(dir, "flows-20261121T113018Z.ndjson"), string(before))
}

// However many records come at once, a file is longer than its size by a group of them at most.
func TestFilesSize(t *testing.T) {
	dir := t.TempDir()
	f, _ := flowFiles(dir, Config{Format: "ndjson", Rotate: RotationConfig{Size: 1}})
	if _, err := f.put(flood(600)); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, name := range names(t, dir) {
		lines = append(lines, bytes.Count(read(t, dir, name), []byte("\n")))
	}
	if !slices.Equal(lines, []int{256, 256, 88}) {
		t.Errorf("got files of %d records, want 256, 256 and 88", lines)
	}
}

// A file ends with its time also when nothing comes after it.
func TestFilesEndByTheClock(t *testing.T) {
	dir := t.TempDir()
	f, synced := flowFiles(dir, Config{Format: "csv", Rotate: RotationConfig{Every: time.Minute}, Sync: 10 * time.Second})
	f.tick(at(0)[0].Written, 0)
	if _, err := f.put(at(1, 2)); err != nil {
		t.Fatal(err)
	}
	for up := range 51 {
		f.tick(at(int64(up))[0].Written, time.Duration(up)*time.Second)
	}
	wantFiles(t, dir, ".flows-20261121T113001Z.csv.partial")
	if got := len(synced.names); got != 5 { // after 10, 20, 30, 40 and 50 s
		t.Errorf("synced %d times in 50 s, want 5", got)
	}
	f.tick(at(60)[0].Written, time.Minute)
	wantFiles(t, dir, "flows-20261121T113001Z.csv")
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, "flows-20261121T113001Z.csv"); !bytes.Equal(got, expected(CSV, at(1, 2))) {
		t.Errorf("got %s", got)
	}
}

// Every Parquet file has its footer, and together they have all rows.
func TestFilesOfParquet(t *testing.T) {
	dir := t.TempDir()
	f, _ := flowFiles(dir, Config{Format: "parquet", Rotate: RotationConfig{Every: time.Minute}})
	var seconds []int64
	for s := range int64(1000) {
		seconds = append(seconds, s/3)
	}
	records := at(seconds...)
	for rest := records; len(rest) > 0; rest = rest[min(100, len(rest)):] {
		if _, err := f.put(rest[:min(100, len(rest))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	all := names(t, dir)
	if len(all) != 6 { // 333 s
		t.Errorf("got %q, want 6 files", all)
	}
	var got, want []string
	for _, name := range all {
		for _, row := range readParquet(t, openParquet(t, read(t, dir, name))) {
			got = append(got, row["flow_id"].(string))
		}
	}
	for i := range records {
		want = append(want, fmt.Sprintf("%016x", records[i].ID))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d rows, want %d in their order", len(got), len(want))
	}
}

// What could not be synced is not called complete, and its records are not called written.
func TestFilesNotSynced(t *testing.T) {
	dir := t.TempDir()
	f, synced := flowFiles(dir, Config{Format: "ndjson", Rotate: RotationConfig{Every: time.Minute}})
	synced.err = syscall.EIO
	if n, err := f.put(at(1, 2, 61)); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	synced.err = nil
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	got := f.books()
	problem := "sync " + dir + "/flows-20261121T113001Z.ndjson: input/output error: 2 records lost"
	if got.Problem == nil || got.Problem.Error() != problem || !errors.Is(got.Problem, syscall.EIO) {
		t.Errorf("got %v, want %s", got.Problem, problem)
	}
	got.Problem = nil
	if want := (Status{Written: 1, Failed: 2, Files: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantFiles(t, dir, ".flows-20261121T113001Z.ndjson.partial", "flows-20261121T113100Z.ndjson")
}

// A directory that is gone when the next file is due holds nothing up.
func TestFilesVanishedAtTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, _ := flowFiles(dir, Config{Format: "ndjson", Rotate: RotationConfig{Every: time.Minute}})
	if n, err := f.put(at(1, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n, err := f.put(at(61))
		if got := f.books(); n != 0 || err != nil || !got.Stuck || got.Failed != 2 || !strings.HasPrefix(got.Problem.Error(), "create ") {
			t.Errorf("got %d, %v, %+v", n, err, got)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if n, err := f.put(at(61)); n != 1 || err != nil || f.books().Stuck {
		t.Error(n, err, f.books())
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	wantFiles(t, dir, "flows-20261121T113100Z.ndjson")
}

// With other stretches a file ends with the one, of the new ones, that its latest record is in.
func TestFilesConfigure(t *testing.T) {
	dir := t.TempDir()
	f, _ := flowFiles(dir, Config{Format: "ndjson", Rotate: RotationConfig{Every: time.Hour}})
	put := func(records []flowtable.Record) {
		t.Helper()
		if n, err := f.put(records); n != len(records) || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
	}
	configure := func(c RotationConfig) { f.configure(Config{Rotate: c}) }
	all := at(0, 130, 170, 185, 186, 100_000)
	configure(RotationConfig{Every: time.Hour}) // before the first record
	put(all[:2])
	configure(RotationConfig{Every: time.Minute})
	f.tick(at(179)[0].Written, 0)
	put(all[2:3])
	f.tick(at(180)[0].Written, 0) // the end of 11:32
	configure(RotationConfig{Every: 2 * time.Minute})
	put(all[3:4]) // 11:32 to 11:34, of which the file before has some
	configure(RotationConfig{Size: 1})
	put(all[4:5])
	put(all[5:])
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	for name, records := range map[string][]flowtable.Record{
		"113000Z": all[:3], "113305Z": all[3:4], "113306Z": all[4:5], "151640Z": all[5:],
	} {
		day := "20261121T"
		if name == "151640Z" {
			day = "20261122T"
		}
		wantText(t, filepath.Join(dir, "flows-"+day+name+".ndjson"), string(expected(NDJSON, records)))
	}
}

// Stretches are aligned to the epoch on both sides of it.
func TestFilesStretches(t *testing.T) {
	f := &files[flowtable.Record]{every: 10}
	for at, want := range map[int64]int64{-11: -2, -10: -1, -1: -1, 0: 0, 9: 0, 10: 1} {
		if got := f.stretchOf(at); got != want {
			t.Errorf("%d: got %d, want %d", at, got, want)
		}
	}
}

// A bug in the formatting ends the run, with a file of everything that came before.
func TestFilesOfABrokenSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := Config{Format: "ndjson", Queue: 1000}
		f, _ := flowFiles(dir, cfg)
		f.open = func(target Target) recordSink[flowtable.Record] {
			return newWriter(target, nil, func(e *encoder, dst []byte, r *flowtable.Record) []byte {
				if r.Label == 1 {
					panic("no such label")
				}
				return plainNDJSON.append(e, dst, r)
			}, 1)
		}
		q := FlowQueue{newQueue("flows", f, cfg)}
		records := at(1, 2, 3)
		records[2].Label = 1
		for i := range records {
			if err := errors.Join(q.Flows(records[i:i+1]), q.Flush()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		err := q.Flows(records)
		if err == nil || !strings.Contains(err.Error(), "no such label") {
			t.Errorf("got %v", err)
		}
		if closeErr := q.Close(); closeErr != err {
			t.Errorf("got %v, want %v", closeErr, err)
		}
		if got, want := q.Status(), (Status{Offered: 3, Written: 2, Failed: 1, Files: 1, Problem: err}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		wantText(t, filepath.Join(dir, "flows-20261121T113001Z.ndjson"), string(expected(NDJSON, at(1, 2))))
	})
}

func TestWindowFiles(t *testing.T) {
	dir := openDir(t, t.TempDir())
	defer dir.Close()
	for _, format := range []Format{NDJSON, CSV, Parquet} {
		cfg := DefaultConfig()
		cfg.Format = format.String()
		q := Live{Config: cfg, Dir: dir}.WindowFiles(features.DefaultConfig(), nil)
		windows := []features.Window{{Version: 4, Written: 1795260600e9}, {Version: 4, Written: 1795264200e9}}
		if err := errors.Join(q.Windows(windows), q.Close()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"windows-20261121T113000Z.", "windows-20261121T120000Z."} {
			if _, err := os.Stat(filepath.Join(dir.path, name+format.String())); err != nil {
				t.Error(err)
			}
		}
		if got, want := q.Status(), (Status{Offered: 2, Written: 2, Files: 2}); got != want {
			t.Errorf("%v: got %+v, want %+v", format, got, want)
		}
	}
	if got := strings.Join(names(t, dir.path), " "); strings.Contains(got, "partial") {
		t.Errorf("got %s", got)
	}
}
