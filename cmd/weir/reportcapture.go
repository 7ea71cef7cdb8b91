package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/sensor"
)

// readCaptures sends captures through the pipeline into a report, with detectors and windows if they are shown.
func (r *reporting) readCaptures(ctx context.Context, how build.Options, paths []string) (*build.Builder, error) {
	src, err := openCaptures(paths, pcapfile.Options{Stdin: r.stdin})
	if errors.As(err, new(*pcapfile.NotCaptureError)) {
		return nil, fmt.Errorf("%w; nor is it flow records", err)
	} else if err != nil {
		return nil, err
	}
	defer src.Close()
	opt, err := pipeline(r.config, src.Links())
	if err != nil {
		return nil, err
	}
	if err := r.labelling.load(ctx); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, src.Interrupt)()
	_, labels := r.columns()
	how.Classes = classes(labels, r.config.Report.Label)
	b := build.New(how)
	opt.Flow.Features = nil
	if r.only == nil {
		if err := r.judged(b, &opt); err != nil {
			return nil, err
		}
	}
	stop := startProgress(r.stderr, captureProgress{src}, "report")
	ledger, err := sensor.Run(ctx, r.attach(src, &opt), b, opt)
	stop()
	if err != nil && (!errors.As(err, new(*sensor.ReadError)) || errors.As(err, new(*pcapfile.NotCaptureError))) {
		return nil, err
	} else if err != nil {
		r.note(b, oneLine(err))
	}
	stats := src.Stats()
	for _, cut := range stats.Cuts {
		r.note(b, fmt.Sprintf("%s ends early; everything before counts", cut))
	}
	r.tell(r.log, r.config.Log.Level)
	return b, fillBooks(b, r.withLedger(&ledger), gather(opt.Detect).hosts)
}

// judged has a run's flows and windows judged, and handed to a report.
func (r *reporting) judged(b *build.Builder, opt *sensor.Options) error {
	if len(r.config.Detect.Detectors) == 0 {
		r.config.Detect.Detectors = []string{detectors.Default}
	}
	b.Remember()
	opt.WindowSink = b
	return judge(r.config, b, opt)
}
