package main

import (
	"runtime/debug"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/output"
)

// sinks makes the sinks of a format.
type sinks struct {
	format  output.Format
	workers int // for formats that use several
}

// flows returns a sink of flow records, which owns the target.
func (s sinks) flows(target output.Target, columns output.Columns) output.Sink {
	if s.format == output.Parquet {
		return output.NewFlowsParquet(target, columns, programVersion())
	}
	return output.NewFlows(target, s.format, s.workers, columns)
}

// windows returns a sink of the windows that cfg makes, which owns the target.
func (s sinks) windows(target output.Target, cfg features.Config, labels *output.Labels) output.WindowSink {
	if s.format == output.Parquet {
		return output.NewWindowsParquet(target, cfg, labels, programVersion())
	}
	return output.NewWindows(target, s.format, s.workers, cfg, labels)
}

// programVersion is the version that the manifest names, too.
func programVersion() string {
	info, _ := debug.ReadBuildInfo()
	name, _ := identity(version, commit, info)
	return name
}
