package output

import (
	"slices"
	"strconv"

	"github.com/weir-sensor/weir/features"
)

// WindowSink takes windows in their final order. Everything else is as in Sink.
type WindowSink interface {
	// Windows accepts windows, which are borrowed until it returns; see Sink.Flows.
	Windows(windows []features.Window) error
	Flush() error
	Close() error
	Abort() error
}

// Windows is the WindowSink that writes windows as text; see Flows.
type Windows struct{ *writer[features.Window] }

var _ WindowSink = Windows{}

// NewWindows returns a sink of the windows that cfg makes: columns that it leaves out are left out. Labels are nil where
// there are none. Everything else is as in NewFlows.
func NewWindows(target Target, format Format, workers int, cfg features.Config, labels *Labels) Windows {
	f := newWindowForm(cfg, labels, format)
	return Windows{newWriter(target, f.header, f.append, workers)}
}

// Windows implements WindowSink.
func (w Windows) Windows(windows []features.Window) error { return w.write(windows) }

// WindowColumns returns the columns of the windows that cfg makes, in their order, those of labels at the end. The caller
// owns the slice.
func WindowColumns(cfg features.Config, labels *Labels) []Column {
	all := []Column{
		{Name: "client", Doc: "Address of the client."},
		{Name: "target", Doc: "Address of the other side."},
	}
	if cfg.By == features.ByFlow {
		all = append(all,
			Column{Name: "client_port", Type: Integer, Max: 1<<16 - 1, Doc: "Port of the client."},
			Column{Name: "target_port", Type: Integer, Max: 1<<16 - 1, Doc: "Port of the other side."})
	}
	all = append(all,
		Column{Name: "segment_start", Type: Time, Doc: "Beginning of the window's time segment."},
		Column{Name: "first", Type: Time, Doc: "Earliest timestamp of its packets."},
		Column{Name: "last", Type: Time, Doc: "Latest timestamp of its packets."},
		Column{Name: "packets", Type: Integer, Unit: "packets", Max: 1<<32 - 1, Doc: "Packets of both directions."},
		Column{Name: "connections", Type: Integer, Max: 1<<32 - 1, Doc: "Distinct pairs of TCP ports."},
		Column{Name: "truncated", Type: Number, Unit: "share", Doc: "Packets whose payload was not captured to its end."},
		Column{Name: "offload", Type: Number, Unit: "share", Doc: "Packets longer than the wire could carry."},
		Column{Name: "retransmitted", Type: Number, Unit: "share", Doc: "Packets with payload whose sequence number came before."},
		Column{Name: "one_way", Type: Number, Unit: "share", Doc: "Packets of connections that show one direction only."})
	described := features.Features()
	for _, i := range cfg.Columns() {
		f := described[i]
		all = append(all, Column{Name: f.Name, Type: Number, Unit: f.Unit, Doc: f.Formula})
	}
	return append(all, labels.columns()...)
}

// windowForm is what stands before each value of a window, and which features there are. It is never changed.
type windowForm struct {
	header  []byte   // first line of CSV; nothing for NDJSON
	lead    []string // by column, without the labels
	quote   string   // around strings
	end     string   // of a line
	ports   bool
	columns []int // of Window.Features
	room    int   // for the longest line without labels
	labels  *labelForm
}

func newWindowForm(cfg features.Config, labels *Labels, format Format) *windowForm {
	f := &windowForm{ports: cfg.By == features.ByFlow, columns: cfg.Columns(), labels: newLabelForm(labels, format)}
	for _, c := range WindowColumns(cfg, nil) {
		f.lead = append(f.lead, leadOf(c, format))
		f.room += len(f.lead[len(f.lead)-1]) + valueText
	}
	f.lead[0] = f.lead[0][1:] // no comma
	if format == CSV {
		f.header, f.end = appendHeader(nil, WindowColumns(cfg, labels)), "\n"
	} else {
		f.lead[0], f.quote, f.end = "{"+f.lead[0], `"`, "}\n"
	}
	return f
}

// valueText is room for any value of a window but numbers: an address or a time, and its quotes.
const valueText = 48

// append writes one line.
func (f *windowForm) append(e *encoder, dst []byte, w *features.Window) []byte {
	dst = slices.Grow(dst, f.room)
	lead := f.lead
	next := func() {
		dst = append(dst, lead[0]...)
		lead = lead[1:]
	}
	text := func(value func(dst []byte) []byte) {
		next()
		dst = append(value(append(dst, f.quote...)), f.quote...)
	}
	integer := func(v uint64) {
		next()
		dst = strconv.AppendUint(dst, v, 10)
	}
	number := func(v float64) {
		next()
		dst = e.numbers.append(dst, v)
	}
	text(func(dst []byte) []byte { return appendAddr(dst, w.Client, w.Version) })
	text(func(dst []byte) []byte { return appendAddr(dst, w.Target, w.Version) })
	if f.ports {
		integer(uint64(w.ClientPort))
		integer(uint64(w.TargetPort))
	}
	for _, at := range [...]int64{w.SegmentStart, w.First, w.Last} {
		text(func(dst []byte) []byte { return e.clock.append(dst, at) })
	}
	integer(uint64(w.Packets))
	integer(uint64(w.Connections))
	for _, share := range [...]float64{w.Truncated, w.Offload, w.Retransmitted, w.OneWay} {
		number(share)
	}
	for _, i := range f.columns {
		number(w.Features[i])
	}
	return append(f.labels.append(dst, w.Label), f.end...)
}
