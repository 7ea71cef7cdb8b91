package main

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowfile"
)

// warnNeeds says which detectors find nothing in flows from elsewhere, or less than they could, for what these lack.
func warnNeeds(log *slog.Logger, made []detect.Detector, stats *flowfile.Stats) {
	for _, d := range made {
		if user, ok := d.(detect.Needer); ok {
			warnNeedsOf(log, d.Info().Name, user.Needs(), stats)
		}
	}
}

// warnNeedsOf says so of one detector: a warning where some flows lack what it needs to say anything, else a line where
// half of them or more lack what it needs for a part.
func warnNeedsOf(log *slog.Logger, name string, needs []detect.Need, stats *flowfile.Stats) {
	var lacks, parts []string
	var features bool
	var flows int64
	for _, all := range []bool{true, false} {
		for _, n := range needs {
			count := stats.Lacking(n)
			if all != (n.For == "") || count == 0 || !all && 2*count < stats.Flows {
				continue
			}
			if lacks = append(lacks, n.String()); !all && !slices.Contains(parts, n.For) {
				parts = append(parts, n.For)
			}
			flows, features = max(flows, count), features || n.Feature != ""
		}
		if len(lacks) > 0 {
			break
		}
	}
	if len(lacks) == 0 {
		return
	}
	slices.Sort(lacks)
	about := []any{"detector", name, "lacks", strings.Join(slices.Compact(lacks), ", "), "flows", flows, "of", stats.Flows}
	if features {
		about = append(about, "helps", "records of weir replay --features all or weir live --features all")
	}
	if parts == nil {
		log.Warn("a detector says nothing of flows that lack what it looks at", about...)
		return
	}
	log.Info("a detector finds less in flows that lack what it looks at", append(about, "not_found", strings.Join(parts, ", "))...)
}
