// Package output writes what the sensor found: records as NDJSON, CSV and Parquet, into files that appear under their names
// only when they are complete or into streams, and the JSON documents of a run.
//
// A replay writes one file of each kind (Dir), and a write that fails ends it. A live run (Live) has a queue before each
// output and goes on from file to file; there a full disk costs records, which are counted, and never the run.
//
// The table of columns (FlowColumns) is the one place that names what a record consists of: the CSV header, the JSON
// Schema, the columns of Parquet files and the table in docs/FLOWS.md are made from it, and the text is tested against it.
package output

import "github.com/weir-sensor/weir/flowtable"

// Sink takes records in their final order. Its methods are called by one goroutine. After an error nothing more is
// written, and every later call returns the same error.
type Sink interface {
	// Flows accepts records, which are borrowed until it returns. They may be written later; a write that failed
	// is reported by a later call, at the latest by Close.
	Flows(records []flowtable.Record) error

	// Flush hands everything accepted so far to the writing, so that a reader of the stream need not wait for more
	// records. It does not wait for the writing.
	Flush() error

	// Close writes everything accepted and completes the output, or gives it up as Abort does if anything failed.
	// The sink is unusable afterwards; further calls of Close and Abort do nothing and return nil.
	Close() error

	// Abort gives the output up: what was not yet written is dropped, and an incomplete file is removed. It waits
	// for a write that is under way.
	Abort() error
}
