package main

import (
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/output/summary"
	"github.com/weir-sensor/weir/sensor"
)

// streams are the records that --stdout can stream.
var streams = []string{"flows", "windows", "alerts"}

// orList joins names as a sentence does.
func orList(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// outputs are the sinks of a replay.
type outputs struct {
	flows   output.Sink
	windows output.WindowSink // nil: none are wanted
	alerts  *output.AlertTee  // nil or empty: nothing is judged, or alerts go nowhere

	sums   *output.Aggregates // among flows; nil: none are wanted
	totals *summary.Summary   // nil where no summary was asked for
	worst  *summary.Alerts    // nil where there is no summary of alerts
}

// all returns every sink, in the order in which they are completed.
func (o *outputs) all() []closer {
	sinks := []closer{o.flows}
	if o.windows != nil {
		sinks = append(sinks, o.windows)
	}
	if o.alerts != nil {
		sinks = append(sinks, o.alerts)
	}
	return sinks
}

// closer is what all sinks have in common.
type closer interface {
	Close() error
	Abort() error
}

// close completes all outputs, or gives up those that are left where one fails.
func (o *outputs) close() error {
	var err error
	for _, s := range o.all() {
		if err == nil {
			err = s.Close()
		} else {
			err = errors.Join(err, s.Abort())
		}
	}
	return err
}

func (o *outputs) abort() error {
	var err error
	for _, s := range o.all() {
		err = errors.Join(err, s.Abort())
	}
	return err
}

// warn says what the sums lack.
func (o *outputs) warn(log *slog.Logger) {
	if o.sums != nil {
		warnSums(log, o.sums.Counts())
	}
}

func warnSums(log *slog.Logger, c aggregate.Counts) {
	if c.EarlyTuples+c.EarlySteps+c.Ports > 0 {
		log.Warn("the tables of aggregates were full: some rows are split, some ports counted twice (aggregate.max_tuples, max_pairs, max_ports)",
			"aggregates", c.EarlyTuples, "steps", c.EarlySteps, "ports", c.Ports)
	}
}

// print prints the summary where one was asked for: of what was found first.
func (o *outputs) print(w io.Writer, ledger *sensor.Ledger, hosts []ensemble.RankedHost) error {
	if o.worst != nil {
		if err := printFound(w, hosts, o.worst); err != nil {
			return err
		}
	}
	if o.totals == nil {
		return nil
	}
	return o.totals.Print(w, summaryLedger(ledger))
}

// open makes the sinks that were asked for.
func (r *replay) open(workers int) (*outputs, error) {
	format, err := output.ParseFormat(r.loaded.Config.Output.Format)
	if err != nil {
		return nil, usageError{err}
	}
	cfg := r.loaded.Config.Window
	columns := output.Columns{Features: r.loaded.Config.Flow.Groups()}
	var windowLabels *output.Labels
	columns.Labels, windowLabels = r.columns()
	if r.stdout == "windows" && r.out != "" {
		return nil, usagef("--stdout windows with --out: windows go to one place, want --windows for a file in %s", r.out)
	}
	judged := r.loaded.Config.Detect.Judges()
	if r.stdout == "alerts" && !judged {
		return nil, usagef("--stdout alerts without detectors, want --detect too")
	}
	o, of := &outputs{alerts: &output.AlertTee{}}, sinks{format, workers}
	var flows []output.Sink
	if r.out != "" {
		file, err := r.dir.Create("flows." + format.String())
		if err != nil {
			return nil, err
		}
		flows = append(flows, of.flows(file, columns))
		if cfg.Enabled {
			file, err := r.dir.Create("windows." + format.String())
			if err != nil {
				return nil, errors.Join(err, flows[0].Abort())
			}
			o.windows = of.windows(file, cfg, windowLabels)
		}
		if judged {
			file, err := r.dir.Create("alerts." + format.String())
			if err != nil {
				return nil, errors.Join(err, flows[0].Abort())
			}
			o.alerts.Add(output.NewAlerts(file, format, programVersion()))
		}
		if r.loaded.Config.Aggregate.Enabled {
			if o.sums, err = createSums(r.dir, format, r.loaded.Config); err != nil {
				return nil, errors.Join(err, flows[0].Abort())
			}
			flows = append(flows, o.sums)
		}
	}
	stream := output.NewStream(r.app.stdout, "standard output")
	switch r.stdout {
	case "flows":
		flows = append(flows, of.flows(stream, columns))
	case "windows":
		o.windows = of.windows(stream, cfg, windowLabels)
	case "alerts":
		o.alerts.Add(output.NewAlerts(stream, format, programVersion()))
	}
	if r.stdout == "" && judged {
		o.worst = summary.NewAlerts()
		o.alerts.Add(o.worst)
	}
	if r.out == "" && r.stdout == "" {
		o.totals = summary.New()
		flows = append(flows, o.totals)
	}
	if r.report != "" {
		r.build = o.report(reportOptions(r.loaded.Config, r.log, reportTitle, strings.Join(r.paths, ", ")), windowLabels, cfg.Enabled)
		flows = append(flows, r.build)
	}
	o.flows = output.NewTee(flows...)
	return o, nil
}

// createSums makes the two files of sums in a directory.
func createSums(dir *output.Dir, format output.Format, c config.Config) (*output.Aggregates, error) {
	tuples, err := dir.Create("aggregates." + format.String())
	if err != nil {
		return nil, err
	}
	steps, err := dir.Create("steps." + format.String())
	if err != nil {
		return nil, errors.Join(err, tuples.Abort())
	}
	return output.NewAggregates(c.Aggregate, tuples, steps, format, programVersion()), nil
}
