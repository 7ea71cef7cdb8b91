package main

import (
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/sensor"
)

// liveReports makes reports of a live run, each of what came since the one before it. It is a sink of flows, windows and
// alerts: the run's goroutine adds them to a builder, which another goroutine takes away when a report is due.
type liveReports struct {
	l   *live
	opt build.Options
	due *time.Ticker // nil: never

	mu      sync.Mutex // of current, once for each batch of records
	current *build.Builder
	making  sync.WaitGroup
}

// newLiveReports returns nil where no reports are wanted. The directory is there already.
func (l *live) newLiveReports() *liveReports {
	if l.report == "" {
		return nil
	}
	r := &liveReports{l: l, opt: reportOptions(l.config, l.log, reportTitle, "weir live")}
	if every := l.config.Report.Every; every > 0 {
		r.due = time.NewTicker(every)
	}
	r.next()
	return r
}

// join puts itself beside a run's sinks.
func (r *liveReports) join(to *liveSinks, opt *sensor.Options, alerts *output.AlertTee) {
	to.flows = output.NewTee(to.flows, r)
	if opt.WindowSink != nil {
		opt.WindowSink = output.NewWindowTee(opt.WindowSink, r)
	} else if r.l.config.Window.Enabled {
		opt.WindowSink = r
	}
	alerts.Add(r)
}

// next begins another builder and returns the one before it. Databases that have changed are read again.
func (r *liveReports) next() (old *build.Builder) {
	r.opt.Geo = r.opt.Geo.Again()
	fresh := build.New(r.opt)
	fresh.Remember()
	r.mu.Lock()
	defer r.mu.Unlock()
	old, r.current = r.current, fresh
	return old
}

// make makes a report of what came since the one before it, on a goroutine of its own. The run goes on where it cannot be
// written.
func (r *liveReports) make(run *sensor.Live) {
	r.making.Wait() // one at a time
	write := r.take(run)
	r.making.Go(func() {
		if err := write(); err != nil {
			r.l.log.Error("a report is not written", "problem", err)
		}
	})
}

// take takes what came since the report before it, and returns what writes a report of it. It is about the run as it is now.
func (r *liveReports) take(run *sensor.Live) (write func() error) {
	var found findings
	run.Detection(func(e *detect.Engine) { found = gather(e) })
	ledger := run.Ledger()
	b, dir := r.next(), filepath.Join(r.l.report, "report-"+time.Now().UTC().Format("20060102T150405.000Z"))
	b.Note("The ledger counts from the beginning of the run, not from the report before this one.")
	return func() error {
		err := errors.Join(fillBooks(b, &ledger, found.hosts), writeReport(dir, b, r.l.config))
		if err == nil {
			r.l.log.Info("report", "out", dir)
		}
		return err
	}
}

// ticks returns where it is said that a report is due; nil: never.
func (r *liveReports) ticks() <-chan time.Time {
	if r == nil || r.due == nil {
		return nil
	}
	return r.due.C
}

// end makes the last report, which nobody makes up for.
func (r *liveReports) end(run *sensor.Live) error {
	if r == nil {
		return nil
	}
	if r.due != nil {
		r.due.Stop()
	}
	r.making.Wait()
	return r.take(run)()
}

// Flows implements output.Sink.
func (r *liveReports) Flows(records []flowtable.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.Flows(records)
}

// Windows implements output.WindowSink.
func (r *liveReports) Windows(windows []features.Window) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.Windows(windows)
}

// Alerts implements output.AlertSink.
func (r *liveReports) Alerts(alerts []detect.Alert) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.Alerts(alerts)
}

// Flush implements output.Sink.
func (r *liveReports) Flush() error { return nil }

// Close implements output.Sink.
func (r *liveReports) Close() error { return nil }

// Abort implements output.Sink.
func (r *liveReports) Abort() error { return nil }

// reportPaths are the directories of the databases of addresses, which stay readable.
func (l *live) reportPaths() (dirs []string) {
	if l.report == "" {
		return nil
	}
	for _, path := range l.config.Report.Databases {
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

// reportNow makes a report because it is due or was asked for.
func (l *live) reportNow(run *sensor.Live) {
	if l.reports == nil {
		l.log.Warn("no report: weir live runs without --report DIRECTORY")
		return
	}
	l.reports.make(run)
}
