package output

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// The names of the records' schemas, as docs/schema has them.
const (
	FlowSchema   = "weir.flow.v1"
	WindowSchema = "weir.window.v1"
)

// FlowsParquet is the Sink that writes flow records as one Parquet file. Flush does nothing, for a Parquet file cannot
// be read before its end is there.
type FlowsParquet struct {
	*parquetWriter[flowtable.Record]
}

var _ Sink = FlowsParquet{}

// NewFlowsParquet returns a sink that writes to target, which it owns from now on. Version is weir's own, for the file's
// metadata; it may be empty. The sink keeps columns.Labels.
func NewFlowsParquet(target Target, columns Columns, version string) FlowsParquet {
	return FlowsParquet{newParquetWriter(target, flowParquet(columns), parquetMetadata{
		schema: FlowSchema, version: version, contract: flowContract(columns),
	})}
}

// Flows implements Sink.
func (f FlowsParquet) Flows(records []flowtable.Record) error { return f.write(records) }

// WindowsParquet is the WindowSink that writes windows as one Parquet file; see FlowsParquet.
type WindowsParquet struct {
	*parquetWriter[features.Window]
}

var _ WindowSink = WindowsParquet{}

// NewWindowsParquet returns a sink of the windows that cfg makes; see NewWindows and NewFlowsParquet.
func NewWindowsParquet(target Target, cfg features.Config, labels *Labels, version string) WindowsParquet {
	return WindowsParquet{newParquetWriter(target, windowParquet(cfg, labels), parquetMetadata{
		schema: WindowSchema, version: version, contract: cfg.Contract(WindowSchema),
	})}
}

// Windows implements WindowSink.
func (w WindowsParquet) Windows(windows []features.Window) error { return w.write(windows) }

// parquetGroupRows is how many records a row group has; the last one may have fewer. A row group stays in memory,
// compressed, until it is complete.
const parquetGroupRows = 131072

// parquetWriter writes records of one kind as a Parquet file, from beginning to end without seeking.
//
// Records are copied into a chunk, which is written column by column when it is full. So the bytes depend on the records
// alone, not on how many come at a time. It works on the caller's goroutine and has none of its own.
type parquetWriter[T any] struct {
	target  *watchedTarget
	file    *parquet.GenericWriter[any]
	columns []parquetColumn[T]
	chunk   []T
	cells   cells
	rows    int // written into the row group that is open
	err     error
	closed  bool

	groupRows int // parquetGroupRows, but for tests
}

func newParquetWriter[T any](target Target, columns []parquetColumn[T], about parquetMetadata) *parquetWriter[T] {
	p := &parquetWriter[T]{
		target: &watchedTarget{Target: target}, columns: columns, chunk: make([]T, 0, chunkRecords),
		groupRows: parquetGroupRows,
	}
	var all []Column
	for _, c := range columns {
		all = append(all, c.Column)
	}
	p.file = parquet.NewGenericWriter[any](p.target, &parquet.WriterConfig{
		CreatedBy:          "weir version 1", // of what is written here; fixed, and of the form that readers parse
		Schema:             parquetSchema(about.schema, columns),
		Compression:        &parquet.Zstd,
		DataPageStatistics: true,
		KeyValueMetadata:   about.keyValues(all),
	})
	return p
}

// watchedTarget remembers the first error of a target's Write: what the Parquet library makes of it says less.
type watchedTarget struct {
	Target
	err error
}

func (t *watchedTarget) Write(b []byte) (int, error) {
	n, err := t.Target.Write(b)
	if t.err == nil {
		t.err = err
	}
	return n, err
}

// write accepts records; see Sink.Flows.
func (p *parquetWriter[T]) write(records []T) error {
	for len(records) > 0 && p.failed() == nil {
		n := min(len(records), chunkRecords-len(p.chunk))
		p.chunk = append(p.chunk, records[:n]...)
		records = records[n:]
		if len(p.chunk) == chunkRecords {
			p.do(p.writeChunk)
		}
	}
	return p.failed()
}

// failed returns the error after which nothing is written.
func (p *parquetWriter[T]) failed() error {
	if p.err == nil && p.closed {
		return errClosed
	}
	return p.err
}

// Flush implements Sink: what was accepted is written with its row group.
func (p *parquetWriter[T]) Flush() error { return p.failed() }

// Close implements Sink.
func (p *parquetWriter[T]) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.do(p.writeChunk)
	p.do(p.file.Close)
	if p.err != nil {
		return errors.Join(p.err, p.target.Abort())
	}
	return p.target.Close()
}

// Abort implements Sink.
func (p *parquetWriter[T]) Abort() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.target.Abort()
}

// do does a step of the writing, unless one failed before. A panic of the Parquet library is an error.
func (p *parquetWriter[T]) do(step func() error) {
	if p.err != nil {
		return
	}
	defer func() {
		if problem := recover(); problem != nil {
			p.err = fmt.Errorf("bug: write Parquet: %v", problem)
		}
	}()
	switch err := step(); {
	case err != nil && p.target.err != nil:
		p.err = p.target.err
	case err != nil:
		p.err = fmt.Errorf("write Parquet: %w", err)
	}
}

// writeChunk writes the records of the chunk, and ends the row group where that has its rows.
func (p *parquetWriter[T]) writeChunk() error {
	if len(p.chunk) == 0 {
		return nil
	}
	leaves := p.file.ColumnWriters()
	for i := range p.columns {
		c := &p.columns[i]
		p.cells.begin(c.Nullable)
		for j := range p.chunk {
			c.put(&p.cells, &p.chunk[j])
		}
		for _, values := range p.cells.leaves[:c.leaves()] {
			n, err := leaves[0].WriteRowValues(values)
			if err != nil {
				return err
			}
			if n != len(p.chunk) {
				panic(fmt.Sprintf("%d rows of %s for %d records", n, c.Name, len(p.chunk)))
			}
			leaves = leaves[1:]
		}
	}
	p.rows += len(p.chunk)
	p.chunk = p.chunk[:0]
	if p.rows < p.groupRows {
		return nil
	}
	p.rows = 0
	return p.file.Flush()
}
