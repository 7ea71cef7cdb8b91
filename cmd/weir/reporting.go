package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/report"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/report/geo"
)

const reportTitle = "What happened on this network"

// reportOptions returns how reports are made, and says which databases cannot be used.
func reportOptions(c config.Config, log *slog.Logger, title, subtitle string) build.Options {
	places := geo.Open(c.Report.Databases)
	for _, p := range places.Problems() {
		log.Warn("a database of addresses is left out", "problem", p)
	}
	return build.Options{Config: c.Report, Title: title, Subtitle: subtitle, Local: c.Detect.LocalNetworks, Geo: places}
}

// writeReport writes a report in all its forms for files into a directory.
func writeReport(dir string, b *build.Builder, c config.Config) error {
	return report.WriteFolder(dir, b.Report(), c.Report.Location())
}

// fillBooks gives a report the ledger and the ranking of a run.
func fillBooks(b *build.Builder, ledger any, hosts []ensemble.RankedHost) error {
	var text bytes.Buffer
	if err := output.WriteJSON(memory{&text}, ledger); err != nil {
		return err
	}
	b.Hosts(hosts)
	return b.Ledger(text.Bytes())
}

// memory is a Target that stays in memory.
type memory struct{ *bytes.Buffer }

func (memory) Close() error { return nil }
func (memory) Abort() error { return nil }

// report puts a report's builder beside the sinks of alerts and, where there are windows, of these.
func (o *outputs) report(opt build.Options, labels *output.Labels, windows bool) *build.Builder {
	opt.Classes = classes(labels, opt.Label)
	b := build.New(opt)
	b.Remember()
	o.alerts.Add(b)
	switch {
	case o.windows != nil:
		o.windows = output.NewWindowTee(o.windows, b)
	case windows:
		o.windows = b
	}
	return b
}

// classes returns the texts of a label of windows by its number; nil where there is no such label.
func classes(labels *output.Labels, name string) func(uint32) string {
	if labels == nil {
		return nil
	}
	column := slices.Index(labels.Names, name)
	if column < 0 {
		return nil
	}
	return func(label uint32) string { return labels.Rows[label-1][column] }
}

// reportDir returns an error where no report can be written into a directory, so that it is known beforehand: no file can be
// made in it, or it is one of records, among which the tables of a report would be taken for records.
func reportDir(flag, dir string, records ...string) error {
	for _, other := range records {
		if sameDir(dir, other) {
			return usagef("%s: got %s, where the records are, want another directory", flag, dir)
		}
	}
	_, missing := os.Stat(dir)
	probe, err := output.Create(filepath.Join(dir, ".report"))
	if err != nil {
		return err
	}
	err = probe.Abort()
	if missing != nil {
		_ = os.Remove(dir) // until there is a report
	}
	return err
}

// sameDir says whether two names, either of which may be "", are of the same directory, also where it is not made yet.
func sameDir(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		absA, errA := filepath.Abs(a)
		absB, errB := filepath.Abs(b)
		return a != "" && b != "" && errA == nil && errB == nil && absA == absB
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// isDir says whether a directory is there.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
