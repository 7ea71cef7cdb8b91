package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// openParquet opens a file in memory.
func openParquet(t rapid.TB, file []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readParquet returns the rows of a file by column: nil, string, int64 or float64, a []any of these, or of []any of two.
func readParquet(t rapid.TB, f *parquet.File) (rows []map[string]any) {
	t.Helper()
	paths := f.Schema().Columns()
	buffer := make([]parquet.Row, 100)
	for _, group := range f.RowGroups() {
		reader := group.Rows()
		for err := error(nil); err == nil; {
			var n int
			n, err = reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				rows = append(rows, readRow(paths, row))
			}
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

func readRow(paths [][]string, row parquet.Row) map[string]any {
	read := map[string]any{}
	for column, values := range row.Range {
		path := paths[column]
		if len(path) == 1 { // NAME
			read[path[0]] = readValue(values[0])
			continue
		}
		first := read[path[0]]
		list := []any{}
		for i, v := range values {
			value := readValue(v)
			switch {
			case v.IsNull(): // no elements
			case len(path) == 3: // NAME.list.element
				list = append(list, value)
			case first == nil: // NAME.list.element.FIRST
				list = append(list, []any{value})
			default: // NAME.list.element.SECOND
				list = append(list, append(first.([]any)[i].([]any), value))
			}
		}
		read[path[0]] = list
	}
	return read
}

func readValue(v parquet.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Kind() == parquet.ByteArray:
		return string(v.ByteArray())
	case v.Kind() == parquet.Double:
		return v.Double()
	}
	return v.Int64()
}

// sameRow compares a row of a file with the line of NDJSON that was made of the same record.
func sameRow(t rapid.TB, columns []Column, got map[string]any, line []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var want map[string]any
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || len(want) != len(columns) {
		t.Fatalf("got %d columns, NDJSON has %d, want %d", len(got), len(want), len(columns))
	}
	for _, c := range columns {
		name := validText(c.Name)
		w, ok := want[name]
		if !ok {
			t.Fatalf("NDJSON has no %s: %s", name, line)
		}
		if w = asParquet(t, c.Type, w); !reflect.DeepEqual(got[name], w) {
			t.Errorf("%s: got %#v, want %#v", name, got[name], w)
		}
	}
}

// asParquet is what a value of NDJSON should be in Parquet.
func asParquet(t rapid.TB, kind Type, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		if kind == Seconds || kind == Number || kind == Real {
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return int64(min(u, math.MaxInt64))
		}
		i, err := v.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return i
	case string:
		if kind != Time {
			return v
		}
		at, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixNano()
	case []any:
		list := []any{}
		for _, item := range v {
			list = append(list, asParquet(t, kind, item))
		}
		return list
	}
	return v
}

var oddLabels = &Labels{
	Names: []string{"app", "a.b \xff\"c"},
	Rows:  [][]string{{"meek", ""}, {"not \xff\xfe UTF-8", "a\u2028line\x00"}},
}

// testGroupRows is the size of row groups in the tests that have several.
const testGroupRows = 4 * chunkRecords

func flowsParquet(t rapid.TB, records []flowtable.Record, batch int, columns Columns) []byte {
	t.Helper()
	target := &limited{limit: 1 << 30}
	s := NewFlowsParquet(target, columns, "v1")
	s.groupRows = testGroupRows
	for lent := range slices.Chunk(records, batch) {
		lent = slices.Clone(lent)
		if err := errors.Join(s.Flows(lent), s.Flush()); err != nil {
			t.Fatal(err)
		}
		clear(lent) // the sink must not have kept it
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if target.closed != 1 || target.aborted != 0 {
		t.Errorf("closed %d times, aborted %d times", target.closed, target.aborted)
	}
	return target.Bytes()
}

// Every value of every column is the one that NDJSON has, and so is the columns' order.
func TestFlowsParquetIsNDJSON(t *testing.T) {
	for _, columns := range []Columns{
		{}, {Features: flowtable.FeatureGroups(), Labels: oddLabels}, {Features: []string{"bursts", "entropy"}},
	} {
		form := newFlowForm(columns, NDJSON)
		rapid.Check(t, func(t *rapid.T) {
			list := rapid.SliceOfN(records(), 1, 20).Draw(t, "records")
			for i := range list {
				list[i].Label = rapid.Uint32Range(0, 2).Draw(t, "label")
				list[i].Features = someFeatures().Draw(t, "features")
			}
			f := openParquet(t, flowsParquet(t, list, 7, columns))
			checkNames(t, f, FlowColumns(columns))
			rows := readParquet(t, f)
			if len(rows) != len(list) {
				t.Fatalf("got %d rows, want %d", len(rows), len(list))
			}
			var e encoder
			for i := range rows {
				sameRow(t, FlowColumns(columns), rows[i], form.append(&e, nil, &list[i]))
			}
		})
	}
}

func checkNames(t rapid.TB, f *parquet.File, columns []Column) {
	t.Helper()
	var got, want []string
	for _, field := range f.Schema().Fields() {
		got = append(got, field.Name())
	}
	for _, c := range columns {
		want = append(want, validText(c.Name))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got columns %q, want %q", got, want)
	}
}

func TestWindowsParquetIsNDJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, change := range []func(*features.Config){
		func(*features.Config) {},
		func(c *features.Config) { c.By = features.ByFlow },
		func(c *features.Config) { c.Groups = []string{"psh", "entropy"} },
		func(c *features.Config) { c.Groups = nil },
	} {
		cfg := features.DefaultConfig()
		change(&cfg)
		for _, labels := range []*Labels{nil, oddLabels} {
			var windows []features.Window
			for i := range 300 {
				windows = append(windows, randomWindow(rng))
				windows[i].Label = uint32(rng.IntN(3))
			}
			var file bytes.Buffer
			s := NewWindowsParquet(NewStream(&file, "test"), cfg, labels, "")
			if err := errors.Join(s.Windows(windows), s.Close()); err != nil {
				t.Fatal(err)
			}
			f := openParquet(t, file.Bytes())
			checkNames(t, f, WindowColumns(cfg, labels))
			rows := readParquet(t, f)
			if len(rows) != len(windows) {
				t.Fatalf("got %d rows, want %d", len(rows), len(windows))
			}
			form := newWindowForm(cfg, labels, NDJSON)
			var e encoder
			for i := range rows {
				sameRow(t, WindowColumns(cfg, labels), rows[i], form.append(&e, nil, &windows[i]))
			}
		}
	}
}

// The bytes depend on the records alone; there are row groups of a bounded size, whose statistics let readers skip them.
func TestFlowsParquetGroups(t *testing.T) {
	records := flood(2*testGroupRows + 1000)
	want := flowsParquet(t, records, len(records), Columns{})
	if got := flowsParquet(t, records, 777, Columns{}); !bytes.Equal(got, want) {
		t.Error("other bytes in other batches")
	}
	if got := NewFlowsParquet(&limited{}, Columns{}, "").groupRows; got != 131072 {
		t.Errorf("got groups of %d rows, want the 131072 of the document", got)
	}
	var rows []int64
	last := int64(math.MinInt64)
	for _, group := range openParquet(t, want).RowGroups() {
		rows = append(rows, group.NumRows())
		least, greatest, ok := group.ColumnChunks()[colStart].(*parquet.FileColumnChunk).Bounds()
		if !ok || least.Int64() <= last || greatest.Int64() < least.Int64() {
			t.Errorf("start: got %v to %v, %v, after %d", least, greatest, ok, last)
		}
		last = greatest.Int64()
	}
	if want := []int64{testGroupRows, testGroupRows, 1000}; !slices.Equal(rows, want) || last != records[len(records)-1].Start {
		t.Errorf("got row groups of %d rows up to %d, want %d up to the last record", rows, last, want)
	}
}

func TestParquetTypes(t *testing.T) {
	want := map[string]string{
		"start":         "required int64 start (TIMESTAMP(isAdjustedToUTC=true,unit=NANOS))",
		"duration":      "required double duration",
		"proto":         "required binary proto (STRING)",
		"client_port":   "optional int64 client_port (INT(64,true))",
		"packets_up":    "required int64 packets_up (INT(64,true))",
		"rtt":           "optional double rtt",
		"len_min_up":    "optional int64 len_min_up (INT(64,true))",
		"len_mean_up":   "optional double len_mean_up",
		"quality":       "required group quality (LIST) { repeated group list { required binary element (STRING)",
		"splt":          "required group splt (LIST) { repeated group list { required group element { required int64 bytes (INT(64,true)); required int64 us (INT(64,true))",
		"bursts":        "required group bursts (LIST) { repeated group list { required group element { required int64 packets (INT(64,true)); required int64 bytes (INT(64,true))",
		"label_app":     "optional binary label_app (STRING)",
		"weir.flow.v1 ": "message weir.flow.v1 {",
	}
	columns := Columns{Features: flowtable.FeatureGroups(), Labels: oddLabels}
	got := strings.Join(strings.Fields(openParquet(t, flowsParquet(t, flood(1), 1, columns)).Schema().String()), " ")
	for name, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("%s: got\n%s\nwant in it\n%s", name, got, text)
		}
	}
}

func TestParquetMetadata(t *testing.T) {
	columns := Columns{Features: []string{"lengths", "splt"}}
	f := openParquet(t, flowsParquet(t, nil, 1, columns))
	for key, want := range map[string]string{
		"weir.schema": FlowSchema, "weir.version": "v1",
		"weir.contract": flowContract(columns).JSON(), "weir.contract.sha256": flowContract(columns).Hash(),
	} {
		if got, ok := f.Lookup(key); got != want || !ok {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if got := len(flowContract(columns).Features); got != 9 { // 4 of each direction, splt
		t.Errorf("got %d features in the contract, want 9", got)
	}
	text, _ := f.Lookup("weir.columns")
	var described []struct{ Name, Unit, Doc string }
	if err := json.Unmarshal([]byte(text), &described); err != nil || len(described) != len(FlowColumns(columns)) {
		t.Fatalf("weir.columns: got %d, %v: %s", len(described), err, text)
	}
	for i, c := range FlowColumns(columns) {
		if d := described[i]; d.Name != c.Name || d.Unit != c.Unit || d.Doc != c.Doc {
			t.Errorf("got %v, want %v", d, c)
		}
	}
	if got := f.NumRows(); got != 0 || len(f.RowGroups()) != 0 {
		t.Errorf("got %d rows in %d groups, want none", got, len(f.RowGroups()))
	}
	if got := f.Metadata().CreatedBy; got != "weir version 1" {
		t.Errorf("got created_by %q", got)
	}
}

// However far a target gets, the error comes out as it is, and nothing is written after it.
func TestParquetFailingTarget(t *testing.T) {
	records := flood(2*testGroupRows + 300)
	size := len(flowsParquet(t, records, len(records), Columns{}))
	full := errors.New("the disk is full")
	for _, limit := range []int{0, 3, 1000, size / 2, size - 1} {
		for _, abort := range []bool{false, true} {
			target := &limited{limit: limit, err: full}
			s := NewFlowsParquet(target, Columns{}, "v1")
			s.groupRows = testGroupRows
			err := s.Flows(records)
			if err != nil && (err != full || s.Flush() != full || s.Flows(records[:1]) != full) {
				t.Errorf("limit %d: got %v, want %v, again and again", limit, err, full)
			}
			if abort {
				if err := s.Abort(); err != nil {
					t.Errorf("limit %d: Abort: %v", limit, err)
				}
			} else if err := s.Close(); !errors.Is(err, full) {
				t.Errorf("limit %d: Close: got %v, want %v", limit, err, full)
			}
			if err := errors.Join(s.Close(), s.Abort()); err != nil {
				t.Errorf("limit %d: a second end: %v", limit, err)
			}
			if target.failures > 1 || target.closed != 0 || target.aborted != 1 {
				t.Errorf("limit %d: failed %d times, closed %d, aborted %d", limit, target.failures, target.closed, target.aborted)
			}
		}
	}
}

func TestParquetErrors(t *testing.T) {
	reader, writer := io.Pipe()
	reader.Close()
	s := NewFlowsParquet(NewStream(writer, "standard output"), Columns{}, "")
	if err := s.Close(); !errors.Is(err, ErrClosedPipe) {
		t.Errorf("closed pipe: got %v, want %v", err, ErrClosedPipe)
	}
	s = NewFlowsParquet(&shortWriter{}, Columns{}, "")
	if err := s.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: got %v, want %v", err, io.ErrShortWrite)
	}
	s = NewFlowsParquet(&limited{limit: 1 << 20}, Columns{}, "")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Flows(flood(1)); err == nil {
		t.Error("records accepted after Close")
	}
	full := &limited{err: syscall.ENOSPC}
	s = NewFlowsParquet(full, Columns{}, "")
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) || full.aborted != 1 {
		t.Errorf("full disk: got %v, aborted %d", err, full.aborted)
	}
}

// What goes wrong inside is an error, not the end of the program, and the target is given up.
func TestParquetPanicIsAnError(t *testing.T) {
	target := &limited{limit: 1 << 20}
	s := NewFlowsParquet(target, Columns{Labels: oddLabels}, "")
	records := flood(chunkRecords)
	records[1].Label = 99
	err := s.Flows(records)
	if err == nil || !strings.HasPrefix(err.Error(), "bug: write Parquet: ") {
		t.Errorf("got %v, want a bug", err)
	}
	if err := s.Close(); err == nil || target.aborted != 1 {
		t.Errorf("Close: got %v, aborted %d", err, target.aborted)
	}
}

func BenchmarkParquet(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	flows := conversation(16 * chunkRecords)
	windows := make([]features.Window, len(flows))
	for i := range windows {
		windows[i] = randomWindow(rng)
	}
	cfg := features.DefaultConfig()
	run := func(name string, write func() error, end func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := write(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(flows)), "ns/record")
		})
		if err := end(); err != nil {
			b.Fatal(err)
		}
	}
	nowhere := NewStream(io.Discard, "nowhere")
	for _, groups := range [][]string{nil, flowtable.FeatureGroups()} {
		columns := Columns{Features: groups}
		text, file := NewFlows(nowhere, NDJSON, 1, columns), NewFlowsParquet(nowhere, columns, "")
		run(fmt.Sprintf("flows=ndjson/groups=%d", len(groups)), func() error { return text.Flows(flows) }, text.Close)
		run(fmt.Sprintf("flows=parquet/groups=%d", len(groups)), func() error { return file.Flows(flows) }, file.Close)
	}
	text, file := NewWindows(nowhere, NDJSON, 1, cfg, nil), NewWindowsParquet(nowhere, cfg, nil, "")
	run("windows=ndjson", func() error { return text.Windows(windows) }, text.Close)
	run("windows=parquet", func() error { return file.Windows(windows) }, file.Close)
}
