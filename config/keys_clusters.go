package config

import (
	"strings"

	"github.com/weir-sensor/weir/detect/sample"
)

// clustersKeys are the keys of the detector clusters.
func clustersKeys() []Key {
	return []Key{
		{"detect.clusters.batch", "duration", "0s (the whole input) or whole seconds from 10s to 168h0m0s",
			"What is clustered at once."},
		{"detect.clusters.method", "name", "kmeans, minibatch, mean_shift or pca",
			"kmeans makes k clusters, minibatch nearly the same of many flows in a tenth of the time, mean_shift as many as there are dense places. " +
				"pca, with a batch and fewer components than columns, makes none: it learns near which plane flows were, and a flow far from that is an outlier."},
		{"detect.clusters.rows", "name", "flows, tuples or pairs",
			"What is compared: flow records; with tuples, what the batch's flow records of a 5-tuple add up to; with pairs, those of a client and a server in 10 s. " +
				"What is said here of flows holds for these."},
		{"detect.clusters.columns", "list", "one or more, each once, of " + strings.Join(sample.ColumnNames(sample.ByFlow), ", "),
			"Numbers of a flow record by which flows are near or far; where rows are tuples or pairs, the numbers of docs/AGGREGATES.md instead."},
		{"detect.clusters.components", "directions", "0 to the number of columns",
			"Directions in which flows differ most that are kept (PCA); 0: the columns as they are."},
		{"detect.clusters.k", "clusters", "1 to 100",
			"Clusters that kmeans makes."},
		{"detect.clusters.bandwidth", "standard deviations", "0.01 to 100",
			"Radius of mean_shift's kernel."},
		{"detect.clusters.half_life", "duration", "1m0s to 8760h0m0s",
			"Time after which what pca has learnt counts half."},
		{"detect.clusters.far", "medians", "1 to 1e+06",
			"A flow that is so many times as far from the nearest centre as flows there usually are is an outlier; with pca, as 99 of 100 flows were from the plane."},
		{"detect.clusters.min_flows", "flows", "10 to 1000000",
			"With fewer flows nothing is said."},
		{"detect.clusters.max_flows", "flows", "100 to 100000",
			"Flows that are kept, which bounds memory (72 bytes and 8 per column each, and some times that while they are clustered) and time; of more, a random sample."},
		{"detect.clusters.max_alerts", "alerts", "0 to 1000",
			"Alerts of a batch, about the flows furthest away."},
		{"detect.clusters.seed", "number", "0 to 2147483647",
			"Seed of the random starts of kmeans."},
	}
}
