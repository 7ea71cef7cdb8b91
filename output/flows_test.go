package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/weir-sensor/weir/flowtable"
)

// limited is a target that takes limit bytes and then fails, and keeps account of how it is used.
type limited struct {
	bytes.Buffer
	limit           int
	err             error
	failures        int
	closed, aborted int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > l.limit {
		l.failures++
		n, _ := l.Buffer.Write(b[:l.limit-l.Len()])
		return n, l.err
	}
	return l.Buffer.Write(b)
}

func (l *limited) Close() error { l.closed++; return nil }
func (l *limited) Abort() error { l.aborted++; return nil }

// expected is the text of the records, made record by record.
func expected(format Format, records []flowtable.Record) []byte {
	var e encoder
	var text []byte
	if format == CSV {
		text = appendHeader(nil, FlowColumns(Columns{}))
	}
	for i := range records {
		if format == CSV {
			text = plainCSV.append(&e, text, &records[i])
		} else {
			text = plainNDJSON.append(&e, text, &records[i])
		}
	}
	return text
}

func TestFlowsWritesInOrder(t *testing.T) {
	records := flood(5*chunkRecords + 7)
	for _, format := range []Format{NDJSON, CSV} {
		want := expected(format, records)
		for _, workers := range []int{0, 1, 2, 8} {
			for _, batch := range []int{1, 100, chunkRecords, len(records)} {
				t.Run(fmt.Sprintf("%v/workers=%d/batch=%d", format, workers, batch), func(t *testing.T) {
					target := &limited{limit: 1 << 30}
					s := NewFlows(target, format, workers, Columns{})
					for rest := records; len(rest) > 0; {
						lent := append([]flowtable.Record(nil), rest[:min(batch, len(rest))]...)
						rest = rest[len(lent):]
						if err := s.Flows(lent); err != nil {
							t.Fatal(err)
						}
						clear(lent) // the sink must not have kept it
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(target.Bytes(), want) {
						t.Errorf("%d bytes, not the %d expected", target.Len(), len(want))
					}
					if target.closed != 1 || target.aborted != 0 {
						t.Errorf("closed %d times, aborted %d times", target.closed, target.aborted)
					}
				})
			}
		}
	}
}

func TestFlowsWithoutRecords(t *testing.T) {
	for _, workers := range []int{1, 3} {
		for format, want := range map[Format]string{NDJSON: "", CSV: string(appendHeader(nil, FlowColumns(Columns{})))} {
			target := &limited{limit: 1 << 20}
			s := NewFlows(target, format, workers, Columns{})
			if err := errors.Join(s.Flush(), s.Flush(), s.Close(), s.Close(), s.Abort()); err != nil {
				t.Error(err)
			}
			if got := target.String(); got != want || target.closed != 1 || target.aborted != 0 {
				t.Errorf("%v: got %q, closed %d, aborted %d", format, got, target.closed, target.aborted)
			}
			if err := s.Flows(flood(1)); err == nil {
				t.Error("records accepted after Close")
			}
		}
	}
}

// After Flush a reader has what was accepted, though no chunk is full.
func TestFlowsFlush(t *testing.T) {
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			target := &limited{limit: 1 << 20}
			s := NewFlows(target, NDJSON, workers, Columns{})
			records := flood(3)
			for i := range records {
				if err := errors.Join(s.Flows(records[i:i+1]), s.Flush()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got, want := target.String(), string(expected(NDJSON, records[:i+1])); got != want {
					t.Errorf("%d workers, after %d records: got %q, want %q", workers, i+1, got, want)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// However far a target gets, the error comes out, nothing is written after it, and no goroutine stays (synctest
// fails where one does).
func TestFlowsFailingTarget(t *testing.T) {
	records := flood(6 * chunkRecords)
	want := expected(NDJSON, records)
	full := errors.New("the disk is full")
	for _, workers := range []int{1, 2, 8} {
		for _, limit := range []int{0, 1, 1000, len(want) / 2, len(want) - 1} {
			for _, abort := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					target := &limited{limit: limit, err: full}
					s := NewFlows(target, NDJSON, workers, Columns{})
					var err error
					for i := 0; i < len(records) && err == nil; i += 100 {
						err = s.Flows(records[i:min(i+100, len(records))])
					}
					if err != nil && !errors.Is(err, full) {
						t.Errorf("Flows: got %v, want %v", err, full)
					}
					if err != nil && !errors.Is(s.Flush(), full) {
						t.Error("Flush forgot the error")
					}
					if abort {
						err = s.Abort()
					} else if err = s.Close(); !errors.Is(err, full) {
						t.Errorf("Close: got %v, want %v", err, full)
					}
					if abort && err != nil {
						t.Errorf("Abort: %v", err)
					}
					if target.failures > 1 || target.closed != 0 || target.aborted != 1 {
						t.Errorf("failed %d times, closed %d, aborted %d", target.failures, target.closed, target.aborted)
					}
					if !bytes.Equal(target.Bytes(), want[:target.Len()]) {
						t.Error("what was written is no beginning of the whole")
					}
				})
			}
		}
	}
}

type shortWriter struct{ limited }

func (*shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

func TestFlowsShortWrite(t *testing.T) {
	s := NewFlows(&shortWriter{}, NDJSON, 1, Columns{})
	if err := errors.Join(s.Flows(flood(1)), s.Close()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v, want %v", err, io.ErrShortWrite)
	}
}

func TestFlowsDoesNotAllocate(t *testing.T) {
	records := flood(chunkRecords)
	for _, workers := range []int{1, 2} {
		s := NewFlows(NewStream(io.Discard, "nowhere"), NDJSON, workers, Columns{})
		feed := func() {
			if err := s.Flows(records); err != nil {
				t.Fatal(err)
			}
		}
		for range 64 {
			feed() // every chunk's text grows to its size
		}
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%d workers: %v allocations per chunk, want 0", workers, got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFlowsToFile(t *testing.T) {
	records := flood(1000)
	path := filepath.Join(t.TempDir(), "new", "flows.csv")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	s := NewFlows(f, CSV, 2, Columns{})
	if err := errors.Join(s.Flows(records), s.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, expected(CSV, records)) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	wantFiles(t, filepath.Dir(path), "flows.csv")
}

func TestFlowsFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full: %v", err)
	}
	defer full.Close()
	s := NewFlows(NewStream(full, "standard output"), NDJSON, 2, Columns{})
	err = errors.Join(s.Flows(flood(1000)), s.Close())
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "write standard output: no space left on device") {
		t.Errorf("got %v", err)
	}
}

func TestFlowsClosedPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	memoryReader, memoryWriter := io.Pipe()
	memoryReader.Close()
	for _, w := range []io.Writer{writer, memoryWriter} {
		s := NewFlows(NewStream(w, "standard output"), NDJSON, 2, Columns{})
		if err := errors.Join(s.Flows(flood(1000)), s.Close()); !errors.Is(err, ErrClosedPipe) {
			t.Errorf("got %v, want %v", err, ErrClosedPipe)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []Format{NDJSON, CSV, Parquet} {
		if got, err := ParseFormat(f.String()); got != f || err != nil {
			t.Errorf("%v: got %v, %v", f, got, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml was accepted")
	}
}

func BenchmarkFlows(b *testing.B) {
	records := flood(64 * chunkRecords)
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d/cpus=%d", workers, runtime.GOMAXPROCS(0)), func(b *testing.B) {
			s := NewFlows(NewStream(io.Discard, "nowhere"), NDJSON, workers, Columns{})
			for b.Loop() {
				if err := s.Flows(records); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
		})
	}
}
