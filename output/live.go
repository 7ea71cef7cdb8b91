package output

import (
	"math"
	"os"
	"path/filepath"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// FlowQueue is the Sink of a live run: it takes flow records without waiting, and a goroutine of its own hands them on.
// Flows, Flush, Tick and Close are called by one goroutine, Status by any. An output that is slow, or fails for a while,
// is no error, but counted.
type FlowQueue struct{ *queue[flowtable.Record] }

var _ Sink = FlowQueue{}

// Flows implements Sink.
func (q FlowQueue) Flows(records []flowtable.Record) error { return q.offer(records) }

// WindowQueue is the WindowSink of a live run; see FlowQueue.
type WindowQueue struct{ *queue[features.Window] }

var _ WindowSink = WindowQueue{}

// Windows implements WindowSink.
func (q WindowQueue) Windows(windows []features.Window) error { return q.offer(windows) }

// AlertQueue is the AlertSink of a live run; see FlowQueue.
type AlertQueue struct{ *queue[detect.Alert] }

var _ AlertSink = AlertQueue{}

// Alerts implements AlertSink.
func (q AlertQueue) Alerts(alerts []detect.Alert) error { return q.offer(alerts) }

// Live is what the outputs of a live run have in common.
type Live struct {
	Config  Config // must be valid
	Dir     *Dir   // of files
	Version string // weir's own, for the metadata of Parquet files
}

// FlowFiles returns a queue before files flows-TIME.EXT in the directory, which are rotated.
func (l Live) FlowFiles(columns Columns) FlowQueue {
	format := l.format()
	due := func(r *flowtable.Record) int64 { return dueAt(r.Written, r.End) }
	to := newFiles(l, "flows", due, func(target Target) recordSink[flowtable.Record] {
		if format == Parquet {
			return NewFlowsParquet(target, columns, l.Version)
		}
		return NewFlows(target, format, 1, columns)
	})
	return FlowQueue{newQueue("flows", to, l.Config)}
}

// WindowFiles returns a queue before files windows-TIME.EXT in the directory, which are rotated; see NewWindows.
func (l Live) WindowFiles(cfg features.Config, labels *Labels) WindowQueue {
	format := l.format()
	due := func(w *features.Window) int64 { return dueAt(w.Written, w.Last) }
	to := newFiles(l, "windows", due, func(target Target) recordSink[features.Window] {
		if format == Parquet {
			return NewWindowsParquet(target, cfg, labels, l.Version)
		}
		return NewWindows(target, format, 1, cfg, labels)
	})
	return WindowQueue{newQueue("windows", to, l.Config)}
}

// AlertFiles returns a queue before files alerts-TIME.EXT in the directory, which are rotated.
func (l Live) AlertFiles() AlertQueue {
	format := l.format()
	due := func(a *detect.Alert) int64 { return a.Time }
	to := newFiles(l, "alerts", due, func(target Target) recordSink[detect.Alert] {
		return NewAlerts(target, format, l.Version)
	})
	return AlertQueue{newQueue("alerts", to, l.Config)}
}

// AlertSink returns a queue before a sink; see FlowSink.
func (l Live) AlertSink(sink AlertSink) AlertQueue {
	return AlertQueue{newQueue("alerts", &stream[detect.Alert]{sink: alertSink{sink}}, l.Config)}
}

// FlowSink returns a queue before a sink, such as one that writes to a stream. It owns the sink from now on.
func (l Live) FlowSink(sink Sink) FlowQueue {
	return FlowQueue{newQueue("flows", &stream[flowtable.Record]{sink: flowSink{sink}}, l.Config)}
}

// WindowSink returns a queue before a sink; see FlowSink.
func (l Live) WindowSink(sink WindowSink) WindowQueue {
	return WindowQueue{newQueue("windows", &stream[features.Window]{sink: windowSink{sink}}, l.Config)}
}

// dueAt returns the packet time at which a record was due: that of its last packet where the input ended before.
func dueAt(written, last int64) int64 {
	if written > flowtable.MaxClock {
		return last
	}
	return written
}

func (l Live) format() Format {
	format, err := ParseFormat(l.Config.Format)
	if err != nil {
		panic("bug: output.format was not validated: " + err.Error())
	}
	return format
}

func newFiles[T any](l Live, name string, due func(*T) int64, open func(Target) recordSink[T]) *files[T] {
	return &files[T]{
		stem: filepath.Join(l.Dir.path, name), format: l.format(),
		every: int64(l.Config.Rotate.Every), size: int64(l.Config.Rotate.Size), sync: l.Config.Sync,
		due: due, open: open, fsync: (*os.File).Sync, latest: math.MinInt64,
	}
}

// flowSink is a Sink as a recordSink.
type flowSink struct{ Sink }

func (s flowSink) write(records []flowtable.Record) error { return s.Flows(records) }

// windowSink is a WindowSink as a recordSink.
type windowSink struct{ WindowSink }

func (s windowSink) write(windows []features.Window) error { return s.Windows(windows) }

// alertSink is an AlertSink as a recordSink.
type alertSink struct{ AlertSink }

func (s alertSink) write(alerts []detect.Alert) error { return s.Alerts(alerts) }
