package config

import (
	"strings"

	"github.com/weir-sensor/weir/detect/sample"
)

// densityKeys are the keys of the detector density.
func densityKeys() []Key {
	return []Key{
		{"detect.density.rows", "name", "flows, tuples or pairs",
			"What is compared: flow records; with tuples, what the minute's flow records of a 5-tuple add up to; with pairs, those of a client and a server in 10 s. " +
				"What is said here of flows holds for these."},
		{"detect.density.columns", "list", "one or more, each once, of " + strings.Join(sample.ColumnNames(sample.ByFlow), ", "),
			"Numbers of a flow record by which flows are near or far; where rows are tuples or pairs, the numbers of docs/AGGREGATES.md instead."},
		{"detect.density.scaling", "name", "plain, robust or both",
			"plain: mean and standard deviation; robust: median and IQR of logarithms; both: an outlier of either."},
		{"detect.density.eps", "standard deviations", "0.001 to 1000",
			"How far apart neighbours may be after scaling, in standard deviations."},
		{"detect.density.min_samples", "flows", "1 to 10000",
			"Flows within eps, itself included, that make a flow the core of a group."},
		{"detect.density.min_flows", "flows", "2 to 1000000",
			"Flows that a minute needs to be judged."},
		{"detect.density.max_flows", "flows", "100 to 1000000",
			"Flows of a minute that are kept, which bounds memory (72 bytes and 8 per column each, and one to three times as much again for judging them); of more, a random sample."},
		{"detect.density.flows_per_alert", "flows", "1 to 1000000000",
			"After so many judged flows one alert is raised, about the outlier that is furthest away; the others are scores only."},
	}
}
