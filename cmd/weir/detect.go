package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spf13/pflag"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

// detectFlag adds --detect, which takes names with an equals sign: --detect=scan,beacon.
func detectFlag(flags *pflag.FlagSet) {
	configFlag(flags, "detect", "detect.detectors").NoOptDefVal = detectors.Default
}

// someDetectors has the default detectors run where the configuration names none, for a command that does nothing without.
func someDetectors(c *config.Config) error {
	if c.Detect.Off() {
		return usagef("detect.detectors: got none, want detectors: without them there is nothing to do")
	}
	if len(c.Detect.Detectors) == 0 {
		c.Detect.Detectors = []string{detectors.Default}
	}
	return nil
}

// judge has a run's flows and windows judged by the detectors that the configuration asks for, if any.
func judge(c config.Config, sink detect.AlertSink, opt *sensor.Options) error {
	if !c.Detect.Judges() {
		return nil
	}
	made, err := detectors.New(c.Detect, c.Window)
	if err != nil {
		return usageError{err}
	}
	engage(c, made, sink, opt)
	return nil
}

// engage has a run's flows and windows judged by detectors.
func engage(c config.Config, made []detect.Detector, sink detect.AlertSink, opt *sensor.Options) {
	wanted, sparing := flowtable.Interest{}, len(opt.Flow.Features) == 0
	for _, d := range made {
		if user, ok := d.(detect.FeatureUser); ok {
			opt.Flow.Features = slices.Concat(opt.Flow.Features, without(user.FlowFeatures(), opt.Flow.Groups()))
			chooser, ok := d.(detect.FeatureChooser)
			if sparing = sparing && ok; sparing {
				wanted = wanted.Or(chooser.FlowInterest())
			}
		}
	}
	if sparing {
		opt.Interest = &wanted
	}
	sweepSooner()
	opt.Windows = c.Window
	opt.Detect = detect.NewEngine(c.Detect.Config, made, sink)
}

// sweepSooner has garbage collected when it is a quarter of what is in use: nearly all of that are tables of detectors, which
// hold no pointers, so that it costs little, and room for as much garbage as tables would be wasted. GOGC has precedence.
func sweepSooner() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// without returns the names that are not among others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(others, n) })
}

// alertLog is a detect.AlertSink that logs alerts, a line for each of the first few of a second, before it hands them on.
type alertLog struct {
	log *slog.Logger
	to  *output.AlertTee
}

const loggedAlerts = 10

// Alerts implements detect.AlertSink.
func (l alertLog) Alerts(alerts []detect.Alert) error {
	for i := range alerts[:min(len(alerts), loggedAlerts)] {
		a := &alerts[i]
		l.log.Warn("alert", "severity", a.Severity.String(), "what", a.Detector+"/"+a.Kind, "about", a.Subject.String(), "message", a.Message,
			"count", a.Count, "id", a.ID)
	}
	if n := len(alerts) - loggedAlerts; n > 0 {
		l.log.Warn("more alerts", "alerts", n)
	}
	return l.to.Alerts(alerts)
}
