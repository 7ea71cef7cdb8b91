package output

import (
	"fmt"

	"github.com/weir-sensor/weir/flowtable"
)

// Format is a format of records.
type Format uint8

// The formats.
const (
	NDJSON  Format = iota // one JSON object per line
	CSV                   // RFC 4180 with a header line; lines end in a line feed
	Parquet               // one Parquet file; see FlowsParquet and WindowsParquet
)

// String returns the format's name, which is also the extension of its files.
func (f Format) String() string { return [...]string{"ndjson", "csv", "parquet"}[f] }

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	for f := NDJSON; f <= Parquet; f++ {
		if name == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("parse format: got %q, want ndjson, csv or parquet", name)
}

// Columns says which columns records have besides those that they always have.
type Columns struct {
	Features []string // groups of flow features, of flowtable.FeatureGroups
	Labels   *Labels  // nil: no columns of labels
}

// Flows is the Sink that writes flow records as text. With several workers it formats on goroutines of its own, which
// end in Close or Abort; the bytes are the same with any number of them.
type Flows struct{ *writer[flowtable.Record] }

var _ Sink = Flows{}

// NewFlows returns a sink that writes to target, which it owns from now on, in a text format (NDJSON or CSV) and with the
// given number of workers: 1 is the caller itself. It keeps columns.Labels.
func NewFlows(target Target, format Format, workers int, columns Columns) Flows {
	f := newFlowForm(columns, format)
	return Flows{newWriter(target, f.header, f.append, workers)}
}

// Flows implements Sink.
func (f Flows) Flows(records []flowtable.Record) error { return f.write(records) }
