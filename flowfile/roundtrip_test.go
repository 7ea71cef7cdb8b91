package flowfile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// keep keeps records, as a Sink.
type keep struct{ records []flowtable.Record }

func (k *keep) Flows(records []flowtable.Record) error {
	k.records = append(k.records, records...)
	return nil
}
func (k *keep) Flush() error { return nil }
func (k *keep) Close() error { return nil }
func (k *keep) Abort() error { return nil }

// captured returns the records of a capture, with all features.
func captured(t testing.TB) []flowtable.Record {
	t.Helper()
	src, err := pcapfile.Open([]string{"../testdata/demo.pcap.gz"}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	opt := sensor.Options{Config: sensor.DefaultConfig(), Flow: flowtable.DefaultConfig()}
	opt.Flow.Features = []string{flowtable.AllFeatures}
	var k keep
	if _, err := sensor.Run(context.Background(), src, &k, opt); err != nil {
		t.Fatal(err)
	}
	return k.records
}

type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }
func (*memory) Abort() error { return nil }

// written returns the records as weir writes them.
func written(t testing.TB, records []flowtable.Record, format output.Format, features []string) []byte {
	t.Helper()
	var m memory
	columns := output.Columns{Features: features}
	var sink output.Sink
	if format == output.Parquet {
		sink = output.NewFlowsParquet(&m, columns, "test")
	} else {
		sink = output.NewFlows(&m, format, 1, columns)
	}
	for chunk := range slices.Chunk(records, 1000) {
		if err := sink.Flows(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return m.Bytes()
}

// compressed returns b in a compression.
func compressed(t testing.TB, b []byte, how string) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch how {
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".zst":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return b
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// file writes a file into a directory of the test and returns its path.
func tempFile(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// all reads all flows of files.
func all(t testing.TB, opt Options, paths ...string) (records []flowtable.Record, columns [][]string, s Stats) {
	t.Helper()
	r, err := Open(paths, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b Batch
	for {
		if err := r.Read(&b); err == io.EOF {
			return records, columns, r.Stats()
		} else if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Flows {
			records = append(records, *f.Record)
		}
		columns = append(columns, b.Columns...)
	}
}

// What weir wrote it reads back: the same records, features included, in each format and compression.
func TestRecordsAreReadBack(t *testing.T) {
	want := captured(t)
	if len(want) < 100 {
		t.Fatalf("%d records are too few to prove anything", len(want))
	}
	same := cmp.Options{cmpopts.EquateNaNs(), cmpopts.IgnoreFields(flowtable.Record{}, "Ordinal", "Order", "Written")}
	for _, format := range []output.Format{output.NDJSON, output.CSV, output.Parquet} {
		for _, how := range []string{"", ".gz", ".zst"} {
			if format == output.Parquet && how != "" {
				continue
			}
			t.Run(format.String()+how, func(t *testing.T) {
				path := tempFile(t, "flows."+format.String()+how, compressed(t, written(t, want, format, flowtable.FeatureGroups()), how))
				got, _, s := all(t, Options{}, path)
				if s.Unreadable+s.NotIP != 0 || s.Flows != int64(len(want)) || s.Files[0].Cut != "" {
					t.Fatalf("read %+v, want %d flows", s, len(want))
				}
				for i := range got {
					if diff := cmp.Diff(want[i], got[i], same); diff != "" {
						t.Fatalf("record %d, -written +read:\n%s", i, diff)
					}
				}
			})
		}
	}
}

// Without features there are none, and a column of any name can be had as text.
func TestColumnsByName(t *testing.T) {
	want := captured(t)[:50]
	for _, format := range []output.Format{output.NDJSON, output.CSV, output.Parquet} {
		path := tempFile(t, "flows", written(t, want, format, []string{"lengths"}))
		got, columns, _ := all(t, Options{Columns: []string{"len_max_up", "bytes_up", "label_app"}}, path)
		for i := range got {
			texts := []string{fmt.Sprint(want[i].Features.Length[0].Max), fmt.Sprint(want[i].Bytes[0]), ""}
			if want[i].Packets[0] == 0 {
				texts[0] = ""
			}
			if !slices.Equal(columns[i], texts) {
				t.Fatalf("%s, record %d: got %q, want %q", format, i, columns[i], texts)
			}
		}
		path = tempFile(t, "flows", written(t, want, format, nil))
		if got, _, _ := all(t, Options{}, path); got[0].Features != nil {
			t.Errorf("%s: features out of nothing", format)
		}
	}
}
